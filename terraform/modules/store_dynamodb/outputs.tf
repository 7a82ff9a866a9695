output "table_name" {
  value       = aws_dynamodb_table.this.name
  description = "The table's name."
}

output "table_arn" {
  value       = aws_dynamodb_table.this.arn
  description = "The table's ARN."
}

output "store_url" {
  value       = "dynamodb://${aws_dynamodb_table.this.name}?journal_days=${var.journal_days}&claims_days=${var.claims_days}"
  description = "The table as songid's setting `store`."
}
