variable "name" {
  type        = string
  description = "What all names here begin with."

  validation {
    condition     = can(regex("^[a-z0-9-]{3,24}$", var.name))
    error_message = "The name must be 3 to 24 of a-z, 0-9 and -."
  }
}

variable "tags" {
  type        = map(string)
  description = "Tags of all that is in here."
}

variable "stations" {
  type = map(object({
    kind  = optional(string, "URL_PULL")
    url   = optional(string, "")
    cidrs = optional(set(string), [])
  }))
  description = "The stations that have a channel, by their names. `kind`: URL_PULL (HLS at `url`), RTMP_PUSH or RTP_PUSH (an encoder at `cidrs` sends). Sound without a picture is taken by MediaLive as RTP only."

  validation {
    condition     = alltrue([for name in keys(var.stations) : can(regex("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", name))])
    error_message = "A station with a channel must be named by letters, digits, '.', '_' and '-', for its segments are named by it."
  }

  validation {
    condition     = alltrue([for station in values(var.stations) : contains(["URL_PULL", "RTMP_PUSH", "RTP_PUSH"], station.kind)])
    error_message = "A channel's kind must be URL_PULL, RTMP_PUSH or RTP_PUSH."
  }

  validation {
    condition     = alltrue([for station in values(var.stations) : station.kind != "URL_PULL" || can(regex("^https?://[^[:space:]]+$", station.url))])
    error_message = "A channel of the kind URL_PULL needs the URL of an HLS playlist, such as https://example.org/radio1.m3u8."
  }

  validation {
    condition = alltrue([
      for station in values(var.stations) : station.kind == "URL_PULL" || (
        length(station.cidrs) > 0 && alltrue([for cidr in station.cidrs : can(cidrhost(cidr, 0)) && !endswith(cidr, "/0")])
      )
    ])
    error_message = "A channel that is sent to needs the encoder's addresses as cidrs, such as 203.0.113.7/32; not all of the internet, for MediaLive asks for no password."
  }
}

variable "bucket_name" {
  type        = string
  description = "The bucket that segments are written to."

  validation {
    condition     = !strcontains(var.bucket_name, ".")
    error_message = "MediaLive writes to no bucket with a dot in its name."
  }
}

variable "bucket_arn" {
  type        = string
  description = "The bucket's ARN."
}

variable "start" {
  type        = bool
  default     = true
  description = "Whether channels run. One that does not costs some dollars a month, and hears nothing."
}
