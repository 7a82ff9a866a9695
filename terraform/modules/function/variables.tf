variable "name" {
  type        = string
  description = "The function's name."
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
  description = "The image, by its digest."
}

variable "architecture" {
  type        = string
  description = "The image's architecture."
}

variable "memory_mb" {
  type        = number
  description = "Memory; the processor's share grows with it, and 1769 MB are one whole core."
}

variable "timeout_s" {
  type        = number
  description = "For how long it may run."
}

variable "concurrency" {
  type        = number
  description = "How many of it may work on the queue at the same time."
}

variable "log_retention_days" {
  type        = number
  description = "Days for which logs are kept."
}

variable "environment" {
  type        = map(string)
  description = "The settings, as variables."
}

variable "bucket_arn" {
  type        = string
  description = "The bucket."
}

variable "written_prefixes" {
  type        = list(string)
  default     = []
  description = "Prefixes that it writes below, besides answers and reports."
}

variable "jobs_queue_arn" {
  type        = string
  description = "The queue of jobs."
}

variable "dead_letters_arn" {
  type        = string
  description = "The queue of jobs that can never be done."
}

variable "undelivered_arn" {
  type        = string
  description = "The queue of what was asked in vain."
}

variable "topic_arn" {
  type        = string
  description = "The topic that results are told to."
}

variable "key_arn" {
  type        = string
  description = "The key that encrypts the topic."
}

variable "table_arn" {
  type        = string
  default     = null
  description = "The store's table, if it is one."
}

variable "database_user_arn" {
  type        = string
  default     = null
  description = "The store's database user, if it is a database."
}

variable "subnet_ids" {
  type        = list(string)
  default     = []
  description = "Subnets, where the store is in a network."
}

variable "security_group_ids" {
  type        = list(string)
  default     = []
  description = "Its security groups there."
}

variable "pictures" {
  type        = object({ opensearch_domain_arn = optional(string) })
  default     = null
  description = "Given: it may ask Rekognition and Comprehend, and the domain."
}
