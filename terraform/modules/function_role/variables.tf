variable "function_name" {
  type        = string
  description = "The function that has the role."
}

variable "role_name" {
  type        = string
  description = "The role's name."
}

variable "description" {
  type        = string
  description = "What the role is for."
}

variable "tags" {
  type        = map(string)
  description = "Tags of role and log."
}

variable "policy" {
  type        = string
  description = "What it may do, as a policy's JSON."
}

variable "in_network" {
  type        = bool
  description = "Whether the function is in a network."
}

variable "log_retention_days" {
  type        = number
  description = "Days for which logs are kept."
}
