# What the function may do: nothing that it does not do.

data "aws_iam_policy_document" "jobs" {
  # Audio is read as the version that an event tells of, which needs no s3:GetObject.
  statement {
    sid       = "ReadAudio"
    actions   = ["s3:GetObjectVersion"]
    resources = [for prefix in ["songs_to_index", "songs_to_check"] : "${var.bucket_arn}/${prefix}/*"]
  }

  # What it wrote itself.
  statement {
    sid       = "ReadAnswersAndReports"
    actions   = ["s3:GetObject"]
    resources = [for prefix in ["songs_to_check", "reports"] : "${var.bucket_arn}/${prefix}/*"]
  }

  statement {
    sid       = "WriteAnswersAndReports"
    actions   = ["s3:PutObject"]
    resources = [for prefix in concat(["songs_to_check", "reports"], var.written_prefixes) : "${var.bucket_arn}/${prefix}/*"]
  }

  # Without it, what is missing looks forbidden.
  statement {
    sid       = "ListAudio"
    actions   = ["s3:ListBucket"]
    resources = [var.bucket_arn]
  }

  statement {
    sid       = "TakeJobs"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    resources = [var.jobs_queue_arn]
  }

  statement {
    sid       = "GoOnLaterAndGiveUp"
    actions   = ["sqs:SendMessage"]
    resources = [var.jobs_queue_arn, var.dead_letters_arn, var.undelivered_arn]
  }

  statement {
    sid       = "TellResults"
    actions   = ["sns:Publish"]
    resources = [var.topic_arn]
  }

  statement {
    sid       = "EncryptResults"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["sns.${var.region}.amazonaws.com"]
    }
  }

  dynamic "statement" {
    for_each = var.table_arn == null ? [] : [var.table_arn]

    content {
      sid = "Store"
      actions = [
        "dynamodb:BatchGetItem",
        "dynamodb:BatchWriteItem",
        "dynamodb:DeleteItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
      ]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = var.database_user_arn == null ? [] : [var.database_user_arn]

    content {
      sid       = "Store"
      actions   = ["rds-db:connect"]
      resources = [statement.value]
    }
  }

  # -- the picture half ------------------------------------------------------------------

  # Both look at what is sent to them; there is no resource.
  dynamic "statement" {
    for_each = var.pictures == null ? [] : [true]

    content {
      sid = "LookAtPicturesAndReadLyrics"
      actions = [
        "rekognition:DetectLabels",
        "rekognition:DetectFaces",
        "comprehend:BatchDetectDominantLanguage",
        "comprehend:BatchDetectEntities",
        "comprehend:BatchDetectKeyPhrases",
        "comprehend:BatchDetectSentiment",
      ]
      resources = ["*"]
    }
  }

  dynamic "statement" {
    for_each = try(var.pictures.opensearch_domain_arn, null) == null ? [] : [var.pictures.opensearch_domain_arn]

    content {
      sid = "SearchLyrics"
      actions = [
        "es:ESHttpGet",
        "es:ESHttpHead",
        "es:ESHttpPost",
        "es:ESHttpPut",
      ]
      resources = ["${statement.value}/*"]
    }
  }
}
