variable "name" {
  type        = string
  description = "What all names here begin with."
}

variable "tags" {
  type        = map(string)
  description = "Tags of all that is in here."
}

variable "image" {
  type        = string
  description = "The function's image, by its digest."
}

variable "architecture" {
  type        = string
  description = "The image's architecture."
}

variable "store_url" {
  type        = string
  description = "The store's URL, with the master's secret."
}

variable "secret_arn" {
  type        = string
  description = "That secret."
}

variable "instance_ids" {
  type        = list(string)
  description = "The database's instances, one of which must be there."
}

variable "subnet_ids" {
  type        = list(string)
  description = "The subnets it works in."
}

variable "security_group_ids" {
  type        = list(string)
  description = "Its security groups there."
}

variable "log_retention_days" {
  type        = number
  description = "Days for which logs are kept."
}
