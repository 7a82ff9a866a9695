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

variable "region" {
  type        = string
  description = "The region."
}

variable "image" {
  type        = string
  description = "The container image, by its digest: `REPOSITORY@sha256:...`."

  validation {
    condition     = can(regex("^[^@[:space:]]+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "The image must be named by its digest, as REPOSITORY@sha256:...; `make image` says which."
  }
}

variable "architecture" {
  type        = string
  default     = "arm64"
  description = "The image's architecture: `arm64` (a fifth cheaper) or `x86_64`."

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "The architecture must be arm64 or x86_64."
  }
}

variable "stations" {
  type        = map(object({ source = string, timezone = string, title = string }))
  description = "The stations that are listened to, by their names, each with its stream's URL."

  validation {
    condition     = alltrue([for name, station in var.stations : can(regex("^[A-Za-z0-9][^/[:cntrl:]]{0,63}$", name))])
    error_message = "A station's name must begin with a letter or digit and have no slash: its segments are named by it."
  }

  validation {
    condition     = alltrue([for station in values(var.stations) : can(regex("^[A-Za-z][A-Za-z0-9+.-]*://[^[:space:]]+$", station.source))])
    error_message = "A station's source must be a URL, such as https://example.org/radio1.mp3."
  }
}

variable "together" {
  type        = bool
  default     = true
  description = "Whether one task listens to all stations; otherwise each has a service of its own, for about 11 $ a month each."

  validation {
    condition     = var.together || length(distinct([for name in keys(var.stations) : lower(replace(name, "/[^A-Za-z0-9_-]+/", "-"))])) == length(var.stations)
    error_message = "The names of two stations differ only in characters that a service's name cannot have; rename one, or let one task listen to all."
  }
}

variable "bucket_name" {
  type        = string
  description = "The bucket that segments are written to."
}

variable "bucket_arn" {
  type        = string
  description = "The bucket's ARN."
}

variable "vpc_id" {
  type        = string
  description = "The network that the tasks are in."
}

variable "subnet_ids" {
  type        = list(string)
  description = "The subnets that the tasks are in, with a way out to the stations."

  validation {
    condition     = length(var.subnet_ids) > 0
    error_message = "A task needs a subnet to be in."
  }
}

variable "assign_public_ip" {
  type        = bool
  default     = true
  description = "Whether tasks get a public address; without one, their subnets need a NAT gateway."
}

variable "log_retention_days" {
  type        = number
  default     = 30
  description = "Days for which the log is kept."
}

variable "cpu" {
  type        = number
  default     = 256
  description = "A task's processor, in 1/1024 of a core. A station takes half a percent of a core."

  validation {
    condition     = contains([256, 512, 1024, 2048, 4096], var.cpu)
    error_message = "Fargate has 256, 512, 1024, 2048 or 4096 units."
  }
}

variable "memory_mb" {
  type        = number
  default     = 512
  description = "A task's memory. A station takes 20 to 30 MB."

  validation {
    condition     = (var.memory_mb == 512 || var.memory_mb % 1024 == 0) && var.memory_mb >= 2 * var.cpu && var.memory_mb <= min(8 * var.cpu, 30720)
    error_message = "Fargate gives a task 2 to 8 MB for each unit of processor, in steps of 1024 (or 512 in all); with cpu = 256: 512, 1024 or 2048."
  }
}

variable "environment" {
  type        = map(string)
  default     = {}
  description = "Further variables of the tasks, such as SONGID_LOG_LEVEL."
}
