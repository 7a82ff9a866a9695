output "repository_url" {
  value       = aws_ecr_repository.this.repository_url
  description = "Where images are pushed to."
}

output "repository_arn" {
  value       = aws_ecr_repository.this.arn
  description = "The repository's ARN."
}

output "repository_name" {
  value       = aws_ecr_repository.this.name
  description = "The repository's name."
}
