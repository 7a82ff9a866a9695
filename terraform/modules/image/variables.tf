variable "name" {
  type        = string
  description = "The repository's name."
}

variable "tags" {
  type        = map(string)
  description = "Tags of the repository."
}

variable "keep_images" {
  type        = number
  default     = 10
  description = "How many images are kept."
}
