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

variable "bucket_regional_domain_name" {
  type        = string
  description = "By which the bucket with the reports is reached."
}

variable "prefix" {
  type        = string
  default     = "reports"
  description = "The reports' prefix in the bucket."

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$", var.prefix))
    error_message = "The prefix must begin and end without a slash, as in reports."
  }
}

variable "logins" {
  type        = list(string)
  description = "Who may read the reports: of each login the SHA-256 of NAME:PASSWORD, as `printf '%s' 'NAME:PASSWORD' | sha256sum` prints it. Take long passwords: whoever gets these can try short ones."

  validation {
    condition     = alltrue([for login in var.logins : can(regex("^[0-9a-f]{64}$", login))])
    error_message = "A login must be 64 of 0-9 and a-f: printf '%s' 'NAME:PASSWORD' | sha256sum"
  }

  validation {
    condition     = length(var.logins) <= 100
    error_message = "More than 100 logins do not fit into a function of CloudFront."
  }

  validation {
    condition     = length(var.logins) > 0 || var.public
    error_message = "Nobody could read the reports: give logins (printf '%s' 'NAME:PASSWORD' | sha256sum), or set public = true to let everybody read them."
  }

  validation {
    condition     = length(var.logins) == 0 || !var.public
    error_message = "With public = true no login is asked for; leave logins empty, or public out."
  }
}

variable "public" {
  type        = bool
  default     = false
  description = "Whether everybody may read the reports."
}

variable "aliases" {
  type        = list(string)
  default     = []
  description = "Names of your own for the site, such as reports.example.org; point them at `domain_name`."

  validation {
    condition     = length(var.aliases) == 0 || var.certificate_arn != null
    error_message = "A name of your own needs a certificate for it: set certificate_arn."
  }
}

variable "certificate_arn" {
  type        = string
  default     = null
  description = "The certificate of AWS Certificate Manager for `aliases`, in us-east-1."

  validation {
    condition     = var.certificate_arn == null || can(regex("^arn:[a-z-]+:acm:us-east-1:[0-9]{12}:certificate/", var.certificate_arn))
    error_message = "CloudFront takes certificates of AWS Certificate Manager in us-east-1 only, wherever the rest is."
  }
}

variable "price_class" {
  type        = string
  default     = "PriceClass_100"
  description = "From where CloudFront serves: `PriceClass_100` (North America and Europe), `PriceClass_200` or `PriceClass_All`. Everybody is served; who is far away waits a moment longer."

  validation {
    condition     = contains(["PriceClass_100", "PriceClass_200", "PriceClass_All"], var.price_class)
    error_message = "The price class must be PriceClass_100, PriceClass_200 or PriceClass_All."
  }
}
