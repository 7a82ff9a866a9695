variable "name" {
  type        = string
  description = "What all names here begin with."
}

variable "tags" {
  type        = map(string)
  description = "Tags of topic and queues."
}

variable "key_arn" {
  type        = string
  description = "The key that encrypts the topic's messages."
}
