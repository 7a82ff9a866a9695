output "store_url" {
  value       = "postgresql://${local.user}@${aws_rds_cluster.this.endpoint}:${local.port}/${local.database}?auth=iam"
  description = "The database as songid's setting `store`, for the function's own user."
}

output "migration_url" {
  value       = "postgresql://${aws_rds_cluster.this.endpoint}:${local.port}/${local.database}?secret=${aws_rds_cluster.this.master_user_secret[0].secret_arn}&grant=${local.user}"
  description = "The same for whoever makes the tables and that user."
}

output "master_secret_arn" {
  value       = aws_rds_cluster.this.master_user_secret[0].secret_arn
  description = "The secret that holds the master's password."
}

output "user_resource" {
  value       = "${aws_rds_cluster.this.cluster_resource_id}/${local.user}"
  description = "The function's user, as the end of an ARN of `rds-db`."
}

output "client_security_group_id" {
  value       = aws_security_group.client.id
  description = "Who may connect."
}

output "cluster_id" {
  value       = aws_rds_cluster.this.id
  description = "The cluster's name."
}

# Whoever uses it must wait for an instance, for a cluster without one answers nobody.
output "instance_ids" {
  value       = [for instance in aws_rds_cluster_instance.this : instance.id]
  description = "The instances' names."
}
