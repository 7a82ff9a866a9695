# What was heard, told to whoever subscribes, and a queue that has it for those who rather fetch it.

locals {
  kept_s = 14 * 24 * 3600 # the longest there is
}

resource "aws_sns_topic" "this" {
  name              = "${var.name}-results"
  kms_master_key_id = var.key_arn
  tags              = var.tags
}

resource "aws_sqs_queue" "this" {
  name                      = "${var.name}-results"
  message_retention_seconds = local.kept_s
  receive_wait_time_seconds = 20
  sqs_managed_sse_enabled   = true
  tags                      = var.tags

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = 10
  })
}

# Results that whoever reads the queue failed at, and those that did not get from topic to queue.
resource "aws_sqs_queue" "dead_letters" {
  name                      = "${var.name}-results-dead-letters"
  message_retention_seconds = local.kept_s
  sqs_managed_sse_enabled   = true
  tags                      = var.tags
}

data "aws_iam_policy_document" "from_topic" {
  for_each = { this = aws_sqs_queue.this.arn, dead_letters = aws_sqs_queue.dead_letters.arn }

  statement {
    sid       = "MessagesOfTheTopic"
    actions   = ["sqs:SendMessage"]
    resources = [each.value]

    principals {
      type        = "Service"
      identifiers = ["sns.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_sns_topic.this.arn]
    }
  }
}

resource "aws_sqs_queue_policy" "this" {
  queue_url = aws_sqs_queue.this.id
  policy    = data.aws_iam_policy_document.from_topic["this"].json
}

resource "aws_sqs_queue_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.id
  policy    = data.aws_iam_policy_document.from_topic["dead_letters"].json
}

resource "aws_sns_topic_subscription" "queue" {
  topic_arn            = aws_sns_topic.this.arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.this.arn
  raw_message_delivery = true

  redrive_policy = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead_letters.arn })

  depends_on = [aws_sqs_queue_policy.this, aws_sqs_queue_policy.dead_letters]
}
