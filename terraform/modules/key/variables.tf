variable "name" {
  type        = string
  description = "What the key's alias begins with."
}

variable "tags" {
  type        = map(string)
  description = "Tags of the key."
}
