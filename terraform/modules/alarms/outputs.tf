output "topic_arn" {
  value       = aws_sns_topic.this.arn
  description = "The topic that alarms and the budget are told to."
}

output "dashboard_url" {
  value       = "https://${lookup(local.consoles, local.partition, "console.aws.amazon.com")}/cloudwatch/home?region=${var.region}#dashboards/dashboard/${aws_cloudwatch_dashboard.this.dashboard_name}"
  description = "The page that shows how things stand."
}

output "alarm_names" {
  value       = sort(local.alarms[*].alarm_name)
  description = "All alarms."
}
