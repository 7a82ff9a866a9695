mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name               = "radio"
  tags               = { songid = "radio" }
  bucket_name        = "radio-audio"
  function_timeout_s = 300
}

run "a_job_is_hidden_long_enough_and_tried_often_enough" {
  assert {
    condition     = aws_sqs_queue.jobs.visibility_timeout_seconds >= 6 * 300
    error_message = "Six times the function's timeout, AWS says."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.jobs.redrive_policy).maxReceiveCount >= 6
    error_message = "Throttling counts as a try, too."
  }

  assert {
    condition     = alltrue([for queue in [aws_sqs_queue.jobs, aws_sqs_queue.dead_letters, aws_sqs_queue.undelivered] : queue.sqs_managed_sse_enabled && queue.message_retention_seconds == 1209600])
    error_message = "All queues are to be encrypted and to keep messages for 14 days."
  }
}

run "only_the_rule_may_send" {
  assert {
    condition     = alltrue([for document in values(data.aws_iam_policy_document.from_rule) : one(one(document.statement).condition).variable == "aws:SourceArn"])
    error_message = "No rule but this one may send to the queues."
  }

  assert {
    condition     = one(aws_cloudwatch_event_target.jobs.dead_letter_config).arn != ""
    error_message = "What the rule cannot deliver is to be kept."
  }
}

run "few_tries_are_refused" {
  command = plan

  variables {
    most_receives = 3
  }

  expect_failures = [var.most_receives]
}
