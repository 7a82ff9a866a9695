output "cluster_name" {
  value       = aws_ecs_cluster.this.name
  description = "The cluster that the listeners run in."
}

output "service_names" {
  value       = sort([for service in aws_ecs_service.this : service.name])
  description = "The services: one for all stations, or one for each."
}

output "task_role_arn" {
  value       = aws_iam_role.task.arn
  description = "The role as which segments are written."
}

output "security_group_id" {
  value       = aws_security_group.this.id
  description = "The listeners' security group."
}

output "log_group_name" {
  value       = aws_cloudwatch_log_group.this.name
  description = "Where the listeners log."
}
