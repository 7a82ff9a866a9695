variable "name" {
  type        = string
  description = "The cluster's name."
}

variable "tags" {
  type        = map(string)
  description = "Tags of all that is in here."
}

variable "vpc_id" {
  type        = string
  description = "The network."
}

variable "subnet_ids" {
  type        = list(string)
  description = "Subnets in two zones or more."
}

variable "postgresql_version" {
  type        = string
  default     = "16"
  description = "PostgreSQL's major version."
}

variable "min_capacity" {
  type        = number
  description = "The smallest capacity, in ACU; 0: it may pause."

  validation {
    condition     = contains([0, 0.5], var.min_capacity) || var.min_capacity >= 1
    error_message = "The smallest capacity is 0 (it pauses), 0.5, or a larger one in steps of 0.5."
  }
}

variable "max_capacity" {
  type        = number
  description = "The largest capacity, in ACU."
}

variable "pause_after_s" {
  type        = number
  description = "Seconds without a connection after which it pauses."
}

variable "instances" {
  type        = number
  description = "Instances; a second one takes over where the first fails."
}

variable "backup_days" {
  type        = number
  description = "Days of backups."
}

variable "protect" {
  type        = bool
  description = "Whether it cannot be deleted."
}

variable "final_snapshot" {
  type        = bool
  description = "Whether a snapshot is kept when it is destroyed."
}

variable "log_retention_days" {
  type        = number
  default     = 30
  description = "Days for which logs are kept."
}
