output "topic_arn" {
  value       = aws_sns_topic.this.arn
  description = "The topic to subscribe to."
}

output "queue_url" {
  value       = aws_sqs_queue.this.id
  description = "The queue that has all results."
}

output "queue_arn" {
  value       = aws_sqs_queue.this.arn
  description = "The same queue's ARN."
}

output "dead_letters_name" {
  value       = aws_sqs_queue.dead_letters.name
  description = "The queue of results that could not be delivered or read."
}
