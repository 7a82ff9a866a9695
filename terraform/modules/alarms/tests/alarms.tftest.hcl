mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name                    = "radio"
  tags                    = { songid = "radio" }
  region                  = "eu-west-1"
  key_arn                 = "arn:aws:kms:eu-west-1:123456789012:key/12345678-1234-1234-1234-123456789012"
  emails                  = ["night@example.org", "day@example.org"]
  function_name           = "radio"
  jobs_queue_name         = "radio-jobs"
  dead_letter_queue_names = { jobs = "radio-dead-letters", rule = "radio-undelivered" }
  stations                = ["harbour_fm", "hill_fm"]
}

run "there_is_an_alarm_for_all_that_goes_wrong" {
  assert {
    condition = toset(output.alarm_names) == toset([
      "radio-dead-letters-jobs", "radio-dead-letters-rule", "radio-oldest-job", "radio-errors",
      "radio-throttles", "radio-silent-harbour_fm", "radio-silent-hill_fm",
    ])
    error_message = "alarms are missing, or there are others"
  }

  assert {
    condition = alltrue([
      for alarm in local.alarms :
      alarm.alarm_actions == toset([output.topic_arn]) && alarm.ok_actions == toset([output.topic_arn])
    ])
    error_message = "an alarm tells nobody"
  }
}

run "one_dead_letter_is_enough" {
  assert {
    condition = alltrue([
      for label, alarm in aws_cloudwatch_metric_alarm.dead_letters :
      alarm.dimensions == tomap({ QueueName = var.dead_letter_queue_names[label] })
      && alarm.metric_name == "ApproximateNumberOfMessagesVisible"
      && alarm.namespace == "AWS/SQS"
      && alarm.threshold == 0
      && alarm.comparison_operator == "GreaterThanThreshold"
      && alarm.treat_missing_data == "notBreaching"
    ])
    error_message = "a dead letter is not told"
  }
}

run "a_job_that_waits_is_told" {
  command = plan

  variables {
    longest_wait_s = 120
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.oldest_job.metric_name == "ApproximateAgeOfOldestMessage"
      && aws_cloudwatch_metric_alarm.oldest_job.threshold == 120
      && aws_cloudwatch_metric_alarm.oldest_job.dimensions == tomap({ QueueName = "radio-jobs" })
    )
    error_message = "another queue, or another time"
  }
}

run "silence_is_a_metric_that_nobody_writes" {
  assert {
    condition = alltrue([
      for station, alarm in aws_cloudwatch_metric_alarm.silent :
      alarm.namespace == "songid"
      && alarm.metric_name == "segments"
      && alarm.dimensions == tomap({ function = "radio", station = station })
      && alarm.statistic == "Sum"
      && alarm.threshold == 1
      && alarm.comparison_operator == "LessThanThreshold"
      && alarm.treat_missing_data == "breaching"
      && alarm.period * alarm.evaluation_periods == 15 * 60
    ])
    error_message = "15 minutes of silence are not told"
  }
}

run "silence_may_last_longer" {
  command = plan

  variables {
    silent_minutes = 60
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.silent : alarm.period * alarm.evaluation_periods == 3600])
    error_message = "it is told at another time"
  }
}

run "the_topic_is_encrypted_and_only_these_alarms_publish" {
  assert {
    condition     = aws_sns_topic.this.kms_master_key_id == var.key_arn
    error_message = "the topic is not encrypted with the key that CloudWatch may use"
  }

  assert {
    condition = [for each in data.aws_iam_policy_document.topic.statement : one(each.principals).identifiers] == [
      toset(["cloudwatch.amazonaws.com"])
    ]
    error_message = "somebody else may publish"
  }

  assert {
    condition = {
      for each in data.aws_iam_policy_document.topic.statement[0].condition : each.variable => one(each.values)
      } == {
      "aws:SourceAccount" = "123456789012"
      "aws:SourceArn"     = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:radio-*"
    }
    error_message = "alarms of others may publish"
  }

  assert {
    condition     = toset([for each in aws_sns_topic_subscription.email : each.endpoint]) == toset(var.emails)
    error_message = "somebody is not told"
  }
}

run "no_budget_unless_asked_for" {
  command = plan

  assert {
    condition     = length(aws_budgets_budget.this) == 0
    error_message = "there is a budget"
  }
}

run "a_budget" {
  variables {
    monthly_budget_usd = 250
    budget_tags        = { songid = "radio" }
  }

  assert {
    condition     = aws_budgets_budget.this[0].limit_amount == "250.00" && aws_budgets_budget.this[0].time_unit == "MONTHLY"
    error_message = "the budget is another one"
  }

  assert {
    condition = {
      for each in aws_budgets_budget.this[0].notification : each.notification_type => [each.threshold, one(each.subscriber_sns_topic_arns)]
    } == { FORECASTED = [100, output.topic_arn], ACTUAL = [80, output.topic_arn] }
    error_message = "it is told at other times, or to others"
  }

  assert {
    condition     = one(aws_budgets_budget.this[0].cost_filter).values == tolist(["user:songid$radio"])
    error_message = "other costs count"
  }

  assert {
    condition = one([
      for each in data.aws_iam_policy_document.topic.statement : {
        for condition in each.condition : condition.variable => one(condition.values)
      } if each.sid == "Budget"
      ]) == {
      "aws:SourceAccount" = "123456789012"
      "aws:SourceArn"     = "arn:aws:budgets::123456789012:*"
    }
    error_message = "the budget may not publish, or those of others may"
  }
}

run "the_dashboard_shows_what_there_is" {
  variables {
    table_name = "radio"
  }

  assert {
    condition = alltrue([
      for metric in [
        "audio_seconds", "matches", "latency_s", "failed", "refused", "cache_hits", "cache_misses",
        "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage", "Duration", "Errors",
        "ConsumedReadCapacityUnits",
      ] : strcontains(aws_cloudwatch_dashboard.this.dashboard_body, "\"${metric}\"")
    ])
    error_message = "a graph is missing"
  }

  assert {
    condition     = !strcontains(aws_cloudwatch_dashboard.this.dashboard_body, "AWS/RDS")
    error_message = "a database is shown that is not there"
  }

  assert {
    condition     = output.dashboard_url == "https://console.aws.amazon.com/cloudwatch/home?region=eu-west-1#dashboards/dashboard/radio"
    error_message = "the address is another one"
  }
}

run "the_dashboard_without_stations_and_with_aurora" {
  variables {
    stations          = []
    aurora_cluster_id = "radio"
  }

  assert {
    condition     = strcontains(aws_cloudwatch_dashboard.this.dashboard_body, "ServerlessDatabaseCapacity") && strcontains(aws_cloudwatch_dashboard.this.dashboard_body, "audio_seconds")
    error_message = "a graph is missing"
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.silent) == 0
    error_message = "there is an alarm for no station"
  }
}

run "wrong_inputs_are_told" {
  command = plan

  variables {
    name               = "Radio"
    emails             = ["nobody"]
    monthly_budget_usd = -1
    silent_minutes     = 7
    longest_wait_s     = 1
  }

  expect_failures = [var.name, var.emails, var.monthly_budget_usd, var.silent_minutes, var.longest_wait_s]
}
