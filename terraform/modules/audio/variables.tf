variable "bucket_name" {
  type        = string
  description = "The bucket's name, which nobody else's may have."
}

variable "tags" {
  type        = map(string)
  description = "Tags of the bucket."
}

variable "protect" {
  type        = bool
  description = "Whether the bucket can be destroyed only when it is empty."
}

variable "segments_days" {
  type        = number
  description = "Days for which stations' segments are kept."
}

variable "replaced_days" {
  type        = number
  default     = 30
  description = "Days for which what was overwritten or deleted can be got back."
}

variable "site_distribution_arns" {
  type        = list(string)
  default     = []
  description = "The CloudFront distribution that may read the reports, if there is one."
}
