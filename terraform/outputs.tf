output "bucket" {
  value       = module.audio.bucket_name
  description = "The bucket that audio is put into."
}

output "upload_commands" {
  value = {
    index_songs   = "aws s3 cp --recursive FOLDER s3://${module.audio.bucket_name}/songs_to_index/"
    identify_file = "aws s3 cp FILE s3://${module.audio.bucket_name}/songs_to_check/"
    read_answer   = "aws s3 cp s3://${module.audio.bucket_name}/songs_to_check/FILE_WITHOUT_SUFFIX.json -"
    hear_station  = "songid listen URL --station NAME --to s3://${module.audio.bucket_name}"
  }
  description = "How songs are indexed, a file is identified and its answer read, and a station is heard."
}

output "results_topic_arn" {
  value       = module.results.topic_arn
  description = "The topic that plays are told to; subscribe to it."
}

output "results_queue_url" {
  value       = module.results.queue_url
  description = "A queue that has the same, for 14 days."
}

output "dead_letters_queue_url" {
  value       = module.jobs.dead_letters_url
  description = "Jobs that cannot be done, each with its reason."
}

output "undelivered_queue_url" {
  value       = module.jobs.undelivered_url
  description = "Events and chores that did not get to the function."
}

output "report_url" {
  value       = var.reports_site == null ? "s3://${module.audio.bucket_name}/reports/index.html" : module.reports_site[0].url
  description = "Where the reports are: a website, if there is one, or a place in the bucket (`aws s3 sync` brings it home)."
}

output "dashboard_url" {
  value       = module.alarms.dashboard_url
  description = "The dashboard in CloudWatch."
}

output "alarm_topic_arn" {
  value       = module.alarms.topic_arn
  description = "The topic that alarms are told to."
}

output "function_name" {
  value       = module.function.function_name
  description = "The function, for `aws lambda invoke` and `aws logs tail /aws/lambda/...`."
}

output "function_role_name" {
  value       = module.function.role_name
  description = "The function's role; what further sinks and plugins need is attached to it."
}

output "function_environment" {
  value       = local.environment
  description = "The function's settings as variables; with them `songid` works on the same store from elsewhere."
  sensitive   = true
}

output "repository_url" {
  value       = module.image.repository_url
  description = "The repository that `make image` pushes to."
}

output "listener_services" {
  value       = flatten(module.listener[*].service_names)
  description = "The services that follow stations."
}

output "medialive_channels" {
  value       = flatten([for channels in module.medialive[*].channel_arns : values(channels)])
  description = "The MediaLive channels."
}
