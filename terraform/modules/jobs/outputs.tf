output "jobs_queue_arn" {
  value       = aws_sqs_queue.jobs.arn
  description = "The queue of jobs."
}

output "jobs_queue_url" {
  value       = aws_sqs_queue.jobs.id
  description = "The same queue's URL."
}

output "jobs_queue_name" {
  value       = aws_sqs_queue.jobs.name
  description = "The same queue's name."
}

output "dead_letters_arn" {
  value       = aws_sqs_queue.dead_letters.arn
  description = "The queue of jobs that cannot be done."
}

output "dead_letters_url" {
  value       = aws_sqs_queue.dead_letters.id
  description = "The same queue's URL."
}

output "dead_letters_name" {
  value       = aws_sqs_queue.dead_letters.name
  description = "The same queue's name."
}

output "undelivered_arn" {
  value       = aws_sqs_queue.undelivered.arn
  description = "The queue of events and chores that could not be delivered."
}

output "undelivered_url" {
  value       = aws_sqs_queue.undelivered.id
  description = "The same queue's URL."
}

output "undelivered_name" {
  value       = aws_sqs_queue.undelivered.name
  description = "The same queue's name."
}
