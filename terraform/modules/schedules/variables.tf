variable "name" {
  type        = string
  description = "The schedules' group."
}

variable "tags" {
  type        = map(string)
  description = "Tags of group and role."
}

variable "function_arn" {
  type        = string
  description = "Who is asked."
}

variable "undelivered_arn" {
  type        = string
  description = "The queue of what was asked in vain."
}

variable "station_zones" {
  type        = map(string)
  description = "Each station's time zone."
}

variable "report_time" {
  type        = string
  default     = "00:10"
  description = "The stations' own time at which the report on yesterday is written."

  validation {
    condition     = can(regex("^([01][0-9]|2[0-3]):[0-5][0-9]$", var.report_time))
    error_message = "A time is written as 00:10."
  }
}

variable "store_pauses" {
  type        = bool
  default     = false
  description = "Whether the store pauses without work: chores then come once an hour, lest they keep it awake."
}
