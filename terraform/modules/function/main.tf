# The function that does the jobs, the role it has, and the queue it takes them from.

module "role" {
  source = "../function_role"

  function_name      = var.name
  role_name          = "${var.name}-function"
  description        = "What songid's function may do"
  policy             = data.aws_iam_policy_document.jobs.json
  in_network         = length(var.subnet_ids) > 0
  log_retention_days = var.log_retention_days
  tags               = var.tags
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_50:its log tells how long each job took; there is nothing further for traces to follow
  #checkov:skip=CKV_AWS_115:new accounts have no concurrency to set aside; the queue bounds it below
  #checkov:skip=CKV_AWS_117:in a network only where the store is; DynamoDB and S3 are reached without one
  #checkov:skip=CKV_AWS_173:encrypted by Lambda with a key of its own; there are no secrets in the variables
  #checkov:skip=CKV_AWS_272:images cannot be signed this way; the image is named by its digest
  function_name = var.name
  description   = "songid: indexes songs, identifies files, hears stations, writes reports"
  role          = module.role.role_arn
  package_type  = "Image"
  image_uri     = var.image
  architectures = [var.architecture]
  memory_size   = var.memory_mb
  timeout       = var.timeout_s
  tags          = var.tags

  ephemeral_storage {
    size = 1024
  }

  environment {
    variables = var.environment
  }

  # What a schedule asked for in vain; jobs go back to their queue instead.
  dead_letter_config {
    target_arn = var.undelivered_arn
  }

  dynamic "vpc_config" {
    for_each = length(var.subnet_ids) > 0 ? [true] : []

    content {
      subnet_ids         = var.subnet_ids
      security_group_ids = var.security_group_ids
    }
  }

  lifecycle {
    precondition {
      condition     = var.image != null
      error_message = "There is no image for the function yet. Run `make image NAME=${var.name}` in songid's folder (it makes the repository, builds and pushes the image, and writes its digest to image.auto.tfvars.json), then apply again; in a configuration of your own: `make image DIR=its/folder MODULE=module.songid`."
    }

    precondition {
      condition     = length(join("", [for key, value in var.environment : "${key}=${value}"])) <= 4000
      error_message = "Lambda takes 4 kB of variables, and these are more: about 40 stations fit. Leave titles out or shorten them, or put the stations into a songid.toml of an image of your own (lambda_build/README.md)."
    }
  }

  logging_config {
    log_format = "Text" # as it is written, which is JSON
    log_group  = module.role.log_group_name
  }
}

# What schedules ask for comes again in a minute or a quarter of an hour anyway.
resource "aws_lambda_function_event_invoke_config" "this" {
  function_name                = aws_lambda_function.this.function_name
  maximum_event_age_in_seconds = 900
  maximum_retry_attempts       = 1
}

resource "aws_lambda_event_source_mapping" "jobs" {
  event_source_arn        = var.jobs_queue_arn
  function_name           = aws_lambda_function.this.arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = var.tags

  scaling_config {
    maximum_concurrency = var.concurrency
  }
}
