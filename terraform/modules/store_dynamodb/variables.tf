variable "name" {
  type        = string
  description = "The table's name."
}

variable "tags" {
  type        = map(string)
  description = "Tags of the table."
}

variable "protect" {
  type        = bool
  description = "Whether the table cannot be deleted."
}

variable "journal_days" {
  type        = number
  description = "Days after which what was heard expires; 0: never."
}

variable "claims_days" {
  type        = number
  description = "Days after which what was done and announced is forgotten; 0: never."
}
