output "function_arn" {
  value       = aws_lambda_function.this.arn
  description = "The function's ARN."
}

output "function_name" {
  value       = aws_lambda_function.this.function_name
  description = "The function's name."
}

output "role_name" {
  value       = module.role.role_name
  description = "The function's role, for policies of one's own."
}

output "log_group_name" {
  value       = module.role.log_group_name
  description = "Where it logs."
}
