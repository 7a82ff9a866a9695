output "vpc_id" {
  value       = aws_vpc.this.id
  description = "The network's id."
}

output "private_subnet_ids" {
  value       = [for zone in local.zones : aws_subnet.private[zone].id]
  description = "Subnets without a way out, one in each zone."
}

output "public_subnet_ids" {
  value       = var.public ? [for zone in local.zones : aws_subnet.public[zone].id] : []
  description = "Subnets with a way out, one in each zone."
}
