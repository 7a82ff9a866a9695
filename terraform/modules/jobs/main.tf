# From the bucket to the function: a rule, the queue it fills, and where what fails ends up.

locals {
  # A message is hidden for as long as whoever received it may take, however often it is throttled
  # meanwhile. AWS asks for six times the function's timeout.
  # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
  visibility_timeout_s = 6 * var.function_timeout_s
  kept_s               = 14 * 24 * 3600 # the longest there is
}

resource "aws_sqs_queue" "jobs" {
  name                       = "${var.name}-jobs"
  visibility_timeout_seconds = local.visibility_timeout_s
  message_retention_seconds  = local.kept_s
  receive_wait_time_seconds  = 20
  sqs_managed_sse_enabled    = true
  tags                       = var.tags

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = var.most_receives
  })
}

# Jobs that can never be done, each with its reason, and those that failed too often.
resource "aws_sqs_queue" "dead_letters" {
  name                      = "${var.name}-dead-letters"
  message_retention_seconds = local.kept_s
  sqs_managed_sse_enabled   = true
  tags                      = var.tags
}

# Events that the rule, and chores that a schedule or the function itself, could not get through.
resource "aws_sqs_queue" "undelivered" {
  name                      = "${var.name}-undelivered"
  message_retention_seconds = local.kept_s
  sqs_managed_sse_enabled   = true
  tags                      = var.tags
}

# Answers (`<stem>.json`) come by the same prefix as the files they are about; the function passes
# over them, for a pattern cannot ask for a prefix and against a suffix of one and the same key.
resource "aws_cloudwatch_event_rule" "audio" {
  name        = "${var.name}-audio"
  description = "New audio in ${var.bucket_name}"
  tags        = var.tags

  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created"]
    detail = {
      bucket = { name = [var.bucket_name] }
      object = { key = [for prefix in var.prefixes : { prefix = prefix }] }
    }
  })
}

resource "aws_cloudwatch_event_target" "jobs" {
  rule = aws_cloudwatch_event_rule.audio.name
  arn  = aws_sqs_queue.jobs.arn

  dead_letter_config {
    arn = aws_sqs_queue.undelivered.arn
  }
}

data "aws_iam_policy_document" "from_rule" {
  for_each = { jobs = aws_sqs_queue.jobs.arn, undelivered = aws_sqs_queue.undelivered.arn }

  statement {
    sid       = "EventsOfTheRule"
    actions   = ["sqs:SendMessage"]
    resources = [each.value]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.audio.arn]
    }
  }
}

resource "aws_sqs_queue_policy" "jobs" {
  queue_url = aws_sqs_queue.jobs.id
  policy    = data.aws_iam_policy_document.from_rule["jobs"].json
}

resource "aws_sqs_queue_policy" "undelivered" {
  queue_url = aws_sqs_queue.undelivered.id
  policy    = data.aws_iam_policy_document.from_rule["undelivered"].json
}
