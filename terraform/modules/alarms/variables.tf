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

variable "key_arn" {
  type        = string
  description = "The key that the topic's messages are encrypted with; CloudWatch and budgets must be allowed to use it."
}

variable "emails" {
  type        = list(string)
  default     = []
  description = "Who is told; each address gets a mail first in which it has to be confirmed."

  validation {
    condition     = alltrue([for email in var.emails : can(regex("^[^@[:space:]]+@[^@[:space:]]+\\.[^@[:space:]]+$", email))])
    error_message = "An e-mail address must look like name@example.org."
  }
}

variable "monthly_budget_usd" {
  type        = number
  default     = 0
  description = "The budget a month in US dollars, of which is told when 80 % are spent and when more than all will be; 0: none."

  validation {
    condition     = var.monthly_budget_usd >= 0
    error_message = "The budget must be a number of dollars, or 0 for none."
  }
}

variable "budget_tags" {
  type        = map(string)
  default     = {}
  description = "Only what has one of these tags counts for the budget; each must be activated as a cost allocation tag first. Empty: all that the account spends."
}

variable "function_name" {
  type        = string
  description = "The function's name."
}

variable "jobs_queue_name" {
  type        = string
  description = "The name of the queue that the function takes jobs from."
}

variable "dead_letter_queue_names" {
  type        = map(string)
  description = "The names of the queues that nothing should be in, by what they are for."
}

variable "stations" {
  type        = list(string)
  default     = []
  description = "The stations that must never be silent."
}

variable "metric_namespace" {
  type        = string
  default     = "songid"
  description = "The namespace of the function's own metrics."
}

variable "silent_minutes" {
  type        = number
  default     = 15
  description = "Minutes without a segment after which a station counts as silent."

  validation {
    condition     = var.silent_minutes >= 5 && var.silent_minutes <= 1440 && var.silent_minutes % 5 == 0
    error_message = "It must be 5, 10, 15 ... up to 1440 minutes, for segments are counted every five."
  }
}

variable "longest_wait_s" {
  type        = number
  default     = 900
  description = "Seconds that a job may wait in its queue."

  validation {
    condition     = var.longest_wait_s >= 60
    error_message = "A job may wait for 60 seconds at least, for its queue is looked at no more often."
  }
}

variable "aurora_cluster_id" {
  type        = string
  default     = ""
  description = "The Aurora cluster that the dashboard shows; empty: none."
}

variable "table_name" {
  type        = string
  default     = ""
  description = "The DynamoDB table that the dashboard shows; empty: none."
}
