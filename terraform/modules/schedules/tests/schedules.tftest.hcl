mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name            = "radio"
  tags            = { songid = "radio" }
  function_arn    = "arn:aws:lambda:eu-west-1:123456789012:function:radio"
  undelivered_arn = "arn:aws:sqs:eu-west-1:123456789012:radio-undelivered"
  station_zones   = { harbour_fm = "Europe/London", outpost = "America/New_York" }
}

run "a_station_is_reported_after_its_own_midnight" {
  assert {
    condition     = aws_scheduler_schedule.this["report-outpost"].schedule_expression == "cron(10 0 * * ? *)" && aws_scheduler_schedule.this["report-outpost"].schedule_expression_timezone == "America/New_York"
    error_message = "Days are the station's own."
  }

  assert {
    condition     = jsondecode(aws_scheduler_schedule.this["report-harbour_fm"].target[0].input) == { songid = "report", station = "harbour_fm" }
    error_message = "The function is told what to do."
  }

  assert {
    condition     = length(aws_scheduler_schedule.this) == 2 + 4 && alltrue([for each in aws_scheduler_schedule.this : one(each.target[0].dead_letter_config).arn == var.undelivered_arn])
    error_message = "Two reports and four chores, and nothing is lost unseen."
  }
}

run "a_store_that_pauses_is_woken_once_an_hour" {
  variables {
    store_pauses = true
  }

  assert {
    condition     = toset([for name in ["announce", "reports", "merge"] : aws_scheduler_schedule.this[name].schedule_expression]) == toset(["cron(5 * * * ? *)"])
    error_message = "Chores every minute would keep it awake."
  }
}

run "times_that_no_clock_has_are_refused" {
  command = plan

  variables {
    report_time = "24:10"
  }

  expect_failures = [var.report_time]
}
