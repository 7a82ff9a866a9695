# -- what must be said ---------------------------------------------------------------------

variable "name" {
  type        = string
  description = "What this installation is called; the names of all that is made begin with it."

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.name)) && !strcontains(var.name, "--")
    error_message = "The name \"${var.name}\" becomes part of other names: 3 to 24 of a-z, 0-9 and single hyphens, a letter first, no hyphen last, as in \"airplay\"."
  }
}

variable "image" {
  type        = string
  default     = null
  description = "The function's container image by its digest. `make image` builds and pushes it, and writes this into image.auto.tfvars.json."

  validation {
    condition     = var.image == null || can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "Name the image by its digest, as REPOSITORY@sha256:..., so that what runs is what was meant; `make image` writes it so."
  }
}

variable "architecture" {
  type        = string
  default     = "arm64"
  description = "The processor that the image is for: \"arm64\", a fifth cheaper, or \"x86_64\"."

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "The architecture is \"arm64\" or \"x86_64\"; it must be that of the image."
  }
}

# -- stations ------------------------------------------------------------------------------

variable "stations" {
  type = map(object({
    timezone = optional(string)
    title    = optional(string, "")
    source   = optional(string, "")
    medialive = optional(object({
      kind  = optional(string, "URL_PULL")
      url   = optional(string, "")
      cidrs = optional(set(string), [])
    }))
  }))
  default     = {}
  description = "Stations by name, the one that their segments' names begin with. `timezone`: its days are cut in it (default: `timezone` below). `title`: shown in reports. `source`: a stream that a listener follows (Icecast, HLS ...). `medialive`: a MediaLive channel that does, at about 250 $ a month, for television; sound alone it takes as RTP only. `kind`: \"URL_PULL\", \"RTMP_PUSH\" or \"RTP_PUSH\". `url`: the HLS playlist that it fetches. `cidrs`: from where it is sent to. A station whose segments come by other ways needs neither source nor channel."

  validation {
    condition     = alltrue([for name in keys(var.stations) : can(regex("^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$", name))])
    error_message = "A station's name becomes part of its segments' names: up to 40 letters, digits, \"_\", \"-\" and \".\", without slashes and spaces, a letter or digit first. To be changed: ${join(", ", [for name in keys(var.stations) : "\"${name}\"" if !can(regex("^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$", name))])}. What reports show is its `title`, which may be anything."
  }

  validation {
    condition = alltrue([for station in values(var.stations) : contains(local.time_zones, coalesce(station.timezone, "UTC"))])
    error_message = "Time zones are IANA names, as \"Europe/London\". ${join(" ", [
      for name, station in var.stations :
      "Station ${name} has \"${coalesce(station.timezone, "UTC")}\"${try("; perhaps ${try(local.zones_by_place[lower(replace(station.timezone, " ", "_"))][0], local.zones_by_beginning[lower(substr(station.timezone, 0, length(dirname(station.timezone)) + 3))][0])} is meant", "")}."
      if !contains(local.time_zones, coalesce(station.timezone, "UTC"))
    ])}"
  }

  validation {
    condition     = length(distinct([for name in keys(var.stations) : replace(lower(name), "/[^a-z0-9]+/", "_")])) == length(var.stations)
    error_message = "Two stations' names differ by case or punctuation only; that would make one and the same variable and resource of both."
  }

  validation {
    condition     = alltrue([for station in values(var.stations) : station.source == "" || can(regex("^https?://[^ ]+$", station.source))])
    error_message = "A station's `source` is the URL of a stream, beginning with http:// or https://; leave it out where segments come by other ways."
  }

  validation {
    condition     = alltrue([for station in values(var.stations) : station.source == "" || station.medialive == null])
    error_message = "A station is followed by a listener (`source`) or by MediaLive (`medialive`), not by both: its segments would be heard twice."
  }
}

variable "timezone" {
  type        = string
  default     = "UTC"
  description = "IANA time zone of stations that have none of their own."

  validation {
    condition     = contains(local.time_zones, var.timezone)
    error_message = "\"${var.timezone}\" is not an IANA time zone, as \"Europe/London\"${try("; perhaps ${try(local.zones_by_place[lower(replace(var.timezone, " ", "_"))][0], local.zones_by_beginning[lower(substr(var.timezone, 0, length(dirname(var.timezone)) + 3))][0])} is meant", "")}."
  }
}

variable "listeners" {
  type = object({
    together  = optional(bool, true)
    cpu       = optional(number, 256)
    memory_mb = optional(number, 512)
  })
  default     = {}
  description = "How stations with a `source` are followed, by containers on Fargate. `together`: all by one, each in a process of its own, at about 11 $ a month; or each by a container of its own, at that price each, so that a failure takes no other with it. `cpu`: of a container, 256 being a quarter of a core. `memory_mb`: of a container; ten stations fit into 512."
}

# -- where things are kept -----------------------------------------------------------------

variable "store" {
  type        = string
  default     = "dynamodb"
  description = "What keeps catalogue and journal: \"dynamodb\", billed by the request, or \"aurora\", PostgreSQL billed by the hour."

  validation {
    condition     = contains(["dynamodb", "aurora"], var.store)
    error_message = "There is one store, \"dynamodb\" or \"aurora\", not \"${var.store}\"."
  }
}

variable "aurora" {
  type = object({
    min_capacity   = optional(number, 0.5)
    max_capacity   = optional(number, 4)
    pause_after_s  = optional(number, 600)
    instances      = optional(number, 1)
    backup_days    = optional(number, 7)
    final_snapshot = optional(bool, false)
  })
  default     = null
  description = "For the store \"aurora\" only. `min_capacity`: the smallest capacity in ACU, 0.5 (about 44 $ a month) or 0, with which it pauses and takes 15 seconds to wake; chores then come once an hour, so it is for files, not for stations around the clock. `pause_after_s`: after how long without work. `max_capacity`: the largest, in ACU. `instances`: 2 for one that takes over. `backup_days`: for how many days any second can be restored. `final_snapshot`: whether a snapshot is kept when it is destroyed."

  validation {
    condition     = var.aurora == null || var.store == "aurora"
    error_message = "There is one store: either leave `aurora` out, or set store = \"aurora\"."
  }
}

variable "network" {
  type = object({
    vpc_id             = string
    private_subnet_ids = list(string)
    public_subnet_ids  = optional(list(string), [])
  })
  default     = null
  description = "A network of yours to use instead of one that is made; the store \"dynamodb\" without listeners needs neither. `vpc_id`: its id. `private_subnet_ids`: for the store \"aurora\" and its functions, in two zones or more; they must reach S3, SQS, SNS and Secrets Manager. `public_subnet_ids`: for listeners."
}

variable "retention" {
  type = object({
    journal_days  = optional(number, 400)
    claims_days   = optional(number, 400)
    segments_days = optional(number, 30)
    log_days      = optional(number, 30)
  })
  default     = {}
  description = "Days for which things are kept. `journal_days`: what was heard, and so all reports can be made again. `claims_days`: what was done and announced. `segments_days`: stations' audio in the bucket. `log_days`: logs."

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.retention.log_days)
    error_message = "CloudWatch keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827 ... days."
  }

  validation {
    condition     = var.retention.segments_days >= 1 && var.retention.journal_days >= 0 && var.retention.claims_days >= 0
    error_message = "Segments are kept for a day or more; the journal and claims for some days, or for ever with 0."
  }
}

variable "protect_data" {
  type        = bool
  default     = true
  description = "Whether `terraform destroy` refuses to delete the store, and the bucket while anything is in it."
}

# -- results -------------------------------------------------------------------------------

variable "events" {
  type        = list(string)
  default     = ["play_started", "play_ended"]
  description = "What the results topic is told of: \"play_started\", \"play_ended\", and \"heard\" for each segment."

  validation {
    condition     = length(var.events) > 0 && alltrue([for event in var.events : contains(["heard", "play_started", "play_ended"], event)])
    error_message = "Events are \"heard\", \"play_started\" and \"play_ended\"; name one or more."
  }
}

variable "events_in_bucket" {
  type        = bool
  default     = false
  description = "Whether all events are also written to the bucket, below events/, where Athena finds them."
}

variable "sinks" {
  type        = list(string)
  default     = []
  description = "URLs of further sinks, as \"https://example.org/hook?secret=...\". What they need the function's role to be allowed, attach to it. With the store \"aurora\" they must be within reach of the private subnets."
}

variable "reports_site" {
  type = object({
    logins          = optional(list(string), [])
    public          = optional(bool, false)
    aliases         = optional(list(string), [])
    certificate_arn = optional(string)
    price_class     = optional(string, "PriceClass_100")
  })
  default     = null
  description = "Given: the reports are a website behind CloudFront. `logins`: who may read it, each the output of printf 'name:password' | sha256sum. `public`: everybody may. `aliases`: domain names of yours. `certificate_arn`: their certificate, in us-east-1. `price_class`: from where CloudFront serves."
}

# -- the function --------------------------------------------------------------------------

variable "function" {
  type = object({
    memory_mb   = optional(number, 1769)
    timeout_s   = optional(number, 300)
    concurrency = optional(number, 5)
  })
  default     = {}
  description = "How large the function is. `memory_mb`: 1769 is one core. `timeout_s`: a longer file goes on in a further run. `concurrency`: how many of it work on the queue at the same time (2 or more)."

  validation {
    condition     = var.function.timeout_s >= 60 && var.function.timeout_s <= 900
    error_message = "The function runs for 60 to 900 seconds."
  }

  validation {
    condition     = var.function.concurrency >= 2 && var.function.concurrency <= 1000
    error_message = "AWS bounds what works on a queue to 2 at the same time or more."
  }
}

variable "settings" {
  type        = map(string)
  default     = {}
  description = "Further settings of songid, by the keys of its songid.toml: { \"listening.threshold\" = \"0.995\" }."

  validation {
    condition     = alltrue([for key in keys(var.settings) : can(regex("^[a-z][a-z_]*(\\.[a-z][a-z_]*)?$", key))])
    error_message = "A setting is named as in songid.toml, with its section: \"listening.threshold\"."
  }

  validation {
    condition     = length(setintersection(toset(keys(var.settings)), local.own_settings)) == 0
    error_message = "These are set from what is made here, by inputs of their own: ${join(", ", setintersection(keys(var.settings), local.own_settings))}."
  }
}

variable "pictures" {
  type = object({
    opensearch_domain_arn = optional(string)
  })
  default     = null
  description = "Given: the function may ask Rekognition and Comprehend, as matching pictures to songs will. `opensearch_domain_arn`: a domain of yours that it may search, too."
}

# -- watching over it ----------------------------------------------------------------------

variable "alarm_emails" {
  type        = list(string)
  default     = []
  description = "Whom alarms and the budget are mailed to; each must confirm it once."

  validation {
    condition     = alltrue([for address in var.alarm_emails : can(regex("^[^@ ]+@[^@ ]+\\.[^@ ]+$", address))])
    error_message = "An address looks like ops@example.org."
  }
}

variable "silent_minutes" {
  type        = number
  default     = 15
  description = "After how many minutes without audio a station raises an alarm; a multiple of 5."

  validation {
    condition     = var.silent_minutes >= 5 && var.silent_minutes % 5 == 0
    error_message = "Silence is counted in steps of 5 minutes."
  }
}

variable "monthly_budget_usd" {
  type        = number
  default     = 250
  description = "A bill of the whole account, in dollars a month, that is warned of; 0: none."

  validation {
    condition     = var.monthly_budget_usd >= 0
    error_message = "A budget is a number of dollars, or 0 for none."
  }
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of all that is made, besides `songid` with the name."
}
