output "image" {
  value       = var.image
  description = "The image, once the database is of its version."

  depends_on = [aws_lambda_invocation.this]
}

output "steps" {
  value       = jsondecode(aws_lambda_invocation.this.result)
  description = "What was done to the database when it was last brought to a version."
}

output "role_name" {
  value       = module.role.role_name
  description = "The role's name."
}
