output "group_name" {
  value       = aws_scheduler_schedule_group.this.name
  description = "The schedules' group."
}

output "schedule_names" {
  value       = [for schedule in aws_scheduler_schedule.this : schedule.name]
  description = "All schedules."
}
