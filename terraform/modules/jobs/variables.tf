variable "name" {
  type        = string
  description = "What all names here begin with."
}

variable "tags" {
  type        = map(string)
  description = "Tags of queues and rule."
}

variable "bucket_name" {
  type        = string
  description = "The bucket whose new objects are jobs."
}

variable "prefixes" {
  type        = list(string)
  default     = ["songs_to_index/", "songs_to_check/"]
  description = "Prefixes of the keys that start a job."
}

variable "function_timeout_s" {
  type        = number
  description = "For how long the function may run."
}

variable "most_receives" {
  type        = number
  default     = 8
  description = "How often a job is tried before it becomes a dead letter."

  validation {
    condition     = var.most_receives >= 6
    error_message = "A job must be tried 6 times or more: throttling and a lease that another holds count as tries, too."
  }
}
