# The bucket: audio comes in by its prefixes, answers and reports go out by it.

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_18:who reads what is in CloudTrail's data events where an account wants them; server access logs would need another bucket
  #checkov:skip=CKV_AWS_144:songs can be uploaded again, and the catalogue is backed up by its store
  #checkov:skip=CKV_AWS_145:encrypted with AES-256 by S3; a key of one's own adds a request to every segment and a way to lock oneself out
  bucket        = var.bucket_name
  force_destroy = !var.protect
  tags          = var.tags
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

# Each version of a file is a job of its own, and what was overwritten by mistake can be got back.
resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    id     = "uploads that were never finished"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 2
    }
  }

  # What was heard is in the journal; the sound itself is kept for whoever wants to listen again.
  rule {
    id     = "segments of stations"
    status = "Enabled"

    filter {
      prefix = "songs_to_check/streams/"
    }

    expiration {
      days = var.segments_days
    }

    noncurrent_version_expiration {
      noncurrent_days = 1
    }
  }

  # Reports of the running day are written again and again.
  rule {
    id     = "reports that were replaced"
    status = "Enabled"

    filter {
      prefix = "reports/"
    }

    noncurrent_version_expiration {
      noncurrent_days = 1
    }
  }

  rule {
    id     = "what was overwritten or deleted"
    status = "Enabled"

    filter {}

    expiration {
      expired_object_delete_marker = true
    }

    noncurrent_version_expiration {
      noncurrent_days = var.replaced_days
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_notification" "this" {
  bucket      = aws_s3_bucket.this.id
  eventbridge = true
}

data "aws_iam_policy_document" "bucket" {
  statement {
    sid       = "OnlyOverTls"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  dynamic "statement" {
    for_each = var.site_distribution_arns

    content {
      sid       = "ReportsBehindCloudFront"
      actions   = ["s3:GetObject"]
      resources = ["${aws_s3_bucket.this.arn}/reports/*"]

      principals {
        type        = "Service"
        identifiers = ["cloudfront.amazonaws.com"]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:SourceArn"
        values   = [statement.value]
      }
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id
  policy = data.aws_iam_policy_document.bucket.json

  depends_on = [aws_s3_bucket_public_access_block.this]
}
