mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name               = "radio"
  tags               = { songid = "radio" }
  region             = "eu-west-1"
  image              = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/radio@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  architecture       = "arm64"
  memory_mb          = 1769
  timeout_s          = 300
  concurrency        = 5
  log_retention_days = 30
  environment        = { SONGID_STORE = "dynamodb://radio" }
  bucket_arn         = "arn:aws:s3:::radio-audio"
  jobs_queue_arn     = "arn:aws:sqs:eu-west-1:123456789012:radio-jobs"
  dead_letters_arn   = "arn:aws:sqs:eu-west-1:123456789012:radio-dead-letters"
  undelivered_arn    = "arn:aws:sqs:eu-west-1:123456789012:radio-undelivered"
  topic_arn          = "arn:aws:sns:eu-west-1:123456789012:radio-results"
  key_arn            = "arn:aws:kms:eu-west-1:123456789012:key/12345678-1234-1234-1234-123456789012"
  table_arn          = "arn:aws:dynamodb:eu-west-1:123456789012:table/radio"
}

run "it_takes_jobs_in_batches_and_says_which_failed" {
  assert {
    condition     = aws_lambda_event_source_mapping.jobs.function_response_types == toset(["ReportBatchItemFailures"])
    error_message = "One bad message must not bring back the good ones."
  }

  assert {
    condition     = one(aws_lambda_event_source_mapping.jobs.scaling_config).maximum_concurrency == 5
    error_message = "How many work at once is to be bounded."
  }

  assert {
    condition     = one(aws_lambda_function.this.dead_letter_config).target_arn == var.undelivered_arn
    error_message = "What schedules ask for in vain is to be kept."
  }

  assert {
    condition     = length(aws_lambda_function.this.vpc_config) == 0
    error_message = "Without a database it is in no network."
  }
}

run "it_may_do_what_it_does_and_no_more" {
  assert {
    condition     = alltrue([for each in data.aws_iam_policy_document.jobs.statement : alltrue([for action in each.actions : !strcontains(action, "*")])])
    error_message = "Every action is to be named."
  }

  assert {
    condition     = !anytrue([for each in data.aws_iam_policy_document.jobs.statement : contains(each.resources, "*")])
    error_message = "Every resource is to be named."
  }

  assert {
    condition     = one([for each in data.aws_iam_policy_document.jobs.statement : each.resources if each.sid == "Store"]) == toset([var.table_arn])
    error_message = "The store is its table."
  }
}

run "the_picture_half_asks_only_where_it_is_switched_on" {
  variables {
    pictures = { opensearch_domain_arn = "arn:aws:es:eu-west-1:123456789012:domain/lyrics" }
  }

  assert {
    condition     = [for each in data.aws_iam_policy_document.jobs.statement : each.sid if contains(each.resources, "*")] == ["LookAtPicturesAndReadLyrics"]
    error_message = "Rekognition and Comprehend alone have no resources."
  }

  assert {
    condition     = one([for each in data.aws_iam_policy_document.jobs.statement : each.resources if each.sid == "SearchLyrics"]) == toset(["arn:aws:es:eu-west-1:123456789012:domain/lyrics/*"])
    error_message = "Lyrics are searched in one domain."
  }
}

run "without_an_image_it_says_how_to_make_one" {
  command = plan

  variables {
    image = null
  }

  expect_failures = [aws_lambda_function.this]
}

run "too_many_variables_are_told_before_lambda_refuses_them" {
  command = plan

  variables {
    environment = { SONGID_STATIONS = join("", [for number in range(500) : "0123456789"]) }
  }

  expect_failures = [aws_lambda_function.this]
}
