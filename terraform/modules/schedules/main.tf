# What is done by the clock: each station's report after its own midnight, and the chores.

data "aws_caller_identity" "current" {}

locals {
  hour   = tonumber(split(":", var.report_time)[0])
  minute = tonumber(split(":", var.report_time)[1])

  reports = {
    for station, zone in var.station_zones : "report-${station}" => {
      description = "Yesterday's report on ${station}"
      expression  = "cron(${local.minute} ${local.hour} * * ? *)"
      zone        = zone
      input       = { songid = "report", station = station }
    }
  }

  # All at one time in the hour, so that a store that pauses is woken once.
  hourly = "cron(5 * * * ? *)"

  chores = {
    announce = {
      description = "Tell the ends of quiet stations' plays, and what no sink took"
      expression  = var.store_pauses ? local.hourly : "rate(1 minute)"
      zone        = "UTC"
      input       = { songid = "announce" }
    }
    reports = {
      description = "Write the reports of running days, and of days for which more came"
      expression  = var.store_pauses ? local.hourly : "rate(15 minutes)"
      zone        = "UTC"
      input       = { songid = "reports" }
    }
    merge = {
      description = "Merge volumes of the catalogue"
      expression  = var.store_pauses ? local.hourly : "rate(15 minutes)"
      zone        = "UTC"
      input       = { songid = "merge" }
    }
    retention = {
      description = "Clear what is older than is to be kept"
      expression  = "cron(30 3 * * ? *)"
      zone        = "UTC"
      input       = { songid = "retention" }
    }
  }
}

resource "aws_scheduler_schedule_group" "this" {
  name = var.name
  tags = var.tags
}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_scheduler_schedule_group.this.arn]
    }
  }
}

data "aws_iam_policy_document" "invoke" {
  statement {
    sid       = "Ask"
    actions   = ["lambda:InvokeFunction"]
    resources = [var.function_arn]
  }

  statement {
    sid       = "SayThatItWasInVain"
    actions   = ["sqs:SendMessage"]
    resources = [var.undelivered_arn]
  }
}

resource "aws_iam_role" "this" {
  name               = "${var.name}-schedules"
  description        = "What songid's schedules may do"
  assume_role_policy = data.aws_iam_policy_document.assume.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "this" {
  name   = "ask"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.invoke.json
}

resource "aws_scheduler_schedule" "this" {
  #checkov:skip=CKV_AWS_297:encrypted by EventBridge with a key of its own; it holds a station's name
  for_each = merge(local.reports, local.chores)

  name                         = each.key
  group_name                   = aws_scheduler_schedule_group.this.name
  description                  = each.value.description
  schedule_expression          = each.value.expression
  schedule_expression_timezone = each.value.zone

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = var.function_arn
    role_arn = aws_iam_role.this.arn
    input    = jsonencode(each.value.input)

    dead_letter_config {
      arn = var.undelivered_arn
    }

    retry_policy {
      maximum_event_age_in_seconds = 3600
      maximum_retry_attempts       = 10
    }
  }

  depends_on = [aws_iam_role_policy.this]
}
