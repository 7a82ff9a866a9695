# What tells somebody that something is wrong, and a page that shows how things stand.
#
# An alarm costs 0.10 $ a month; the first ten of an account are free, and so are its first three
# dashboards of up to 50 metrics and all budgets that only tell.

locals {
  period_s = 300

  # What all alarms do.
  told = [aws_sns_topic.this.arn]
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  for_each = var.dead_letter_queue_names

  alarm_name          = "${var.name}-dead-letters-${each.key}"
  alarm_description   = "Something is in the queue ${each.value}: what could not be done, and why, is in its messages."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = each.value }
  statistic           = "Maximum"
  period              = local.period_s
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching" # SQS tells nothing of a queue that nobody used for hours
  alarm_actions       = local.told
  ok_actions          = local.told
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "oldest_job" {
  alarm_name          = "${var.name}-oldest-job"
  alarm_description   = "A job has waited for more than ${var.longest_wait_s} s: there is more to do than the function manages, or it fails."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = var.jobs_queue_name }
  statistic           = "Maximum"
  period              = local.period_s
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.longest_wait_s
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.told
  ok_actions          = local.told
  tags                = var.tags
}

# One failure is tried again by whoever asked, and what fails for good is in a queue of dead letters.
resource "aws_cloudwatch_metric_alarm" "function" {
  for_each = {
    Errors    = "fails again and again: see its log"
    Throttles = "is held back again and again: the account runs as many functions at once as it may"
  }

  alarm_name          = "${var.name}-${lower(each.key)}"
  alarm_description   = "The function ${var.function_name} ${each.value}."
  namespace           = "AWS/Lambda"
  metric_name         = each.key
  dimensions          = { FunctionName = var.function_name }
  statistic           = "Sum"
  period              = local.period_s
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching" # it did not run
  alarm_actions       = local.told
  ok_actions          = local.told
  tags                = var.tags
}

# The function writes `segments` for each station of its settings: songid/function/metrics.py
resource "aws_cloudwatch_metric_alarm" "silent" {
  for_each = toset(var.stations)

  alarm_name          = "${var.name}-silent-${each.key}"
  alarm_description   = "Nothing was heard of ${each.key} for ${var.silent_minutes} minutes: its stream, its listener or the function is down."
  namespace           = var.metric_namespace
  metric_name         = "segments"
  dimensions          = { function = var.function_name, station = each.key }
  statistic           = "Sum"
  period              = local.period_s
  evaluation_periods  = var.silent_minutes * 60 / local.period_s
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching" # a metric that nobody writes is silence itself
  alarm_actions       = local.told
  ok_actions          = local.told
  tags                = var.tags
}
