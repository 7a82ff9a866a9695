output "role_arn" {
  value       = aws_iam_role.this.arn
  description = "The role's ARN, once it may do what it is for."

  # A function that is made before its role may do anything fails to be put into its network.
  depends_on = [aws_iam_role_policy.this]
}

output "role_name" {
  value       = aws_iam_role.this.name
  description = "The role's name."
}

output "log_group_name" {
  value       = aws_cloudwatch_log_group.this.name
  description = "Where the function logs."
}
