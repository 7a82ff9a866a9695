variable "name" {
  type        = string
  description = "What all names here begin with."
}

variable "tags" {
  type        = map(string)
  description = "Tags of all that is in here."
}

variable "region" {
  type        = string
  description = "The region."
}

variable "cidr_block" {
  type        = string
  default     = "10.90.0.0/22"
  description = "The network's addresses."
}

variable "zones" {
  type        = number
  default     = 2
  description = "In how many availability zones there are subnets; a database wants two or more."

  validation {
    condition     = var.zones >= 2 && var.zones <= 4
    error_message = "A database wants subnets in 2 zones, and there is room for 4."
  }
}

variable "endpoint_zones" {
  type        = number
  default     = 1
  description = "In how many of the zones interface endpoints have an address; those elsewhere reach them, too."
}

variable "interface_endpoints" {
  type        = set(string)
  default     = []
  description = "Services that are reached by an interface endpoint, as `sqs`."
}

variable "public" {
  type        = bool
  default     = false
  description = "Whether there are subnets with a way out."
}
