mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name    = "radio"
  tags    = { songid = "radio" }
  key_arn = "arn:aws:kms:eu-west-1:123456789012:key/12345678-1234-1234-1234-123456789012"
}

run "results_come_as_they_were_written_and_are_encrypted" {
  assert {
    condition     = aws_sns_topic_subscription.queue.raw_message_delivery
    error_message = "The queue's messages are to be the events themselves."
  }

  assert {
    condition     = aws_sns_topic.this.kms_master_key_id == var.key_arn && aws_sqs_queue.this.sqs_managed_sse_enabled && aws_sqs_queue.dead_letters.sqs_managed_sse_enabled
    error_message = "Topic and queues are to be encrypted."
  }

  assert {
    condition     = alltrue([for document in values(data.aws_iam_policy_document.from_topic) : one(one(document.statement).condition).variable == "aws:SourceArn"])
    error_message = "No topic but this one may send to the queues."
  }
}
