output "channel_arns" {
  value       = { for name, channel in aws_medialive_channel.this : name => channel.arn }
  description = "Each station's channel."
}

output "input_ids" {
  value       = { for name, input in aws_medialive_input.this : name => input.id }
  description = "Each station's input; the console shows for one that is sent to the address to send to."
}
