mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  bucket_name   = "radio-audio"
  tags          = { songid = "radio" }
  protect       = true
  segments_days = 14
}

run "nobody_else_gets_in" {
  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "All public access is to be blocked."
  }

  assert {
    condition     = [for each in data.aws_iam_policy_document.bucket.statement : each.effect if each.sid == "OnlyOverTls"] == ["Deny"]
    error_message = "What does not come over TLS is to be refused."
  }

  assert {
    condition     = length(data.aws_iam_policy_document.bucket.statement) == 1
    error_message = "Without a website, CloudFront has no business here."
  }

  assert {
    condition     = !aws_s3_bucket.this.force_destroy && aws_s3_bucket_notification.this.eventbridge
    error_message = "It must not be deleted with what is in it, and EventBridge must hear of new objects."
  }
}

run "segments_and_leftovers_go" {
  assert {
    condition     = one([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule.expiration[0].days if rule.id == "segments of stations"]) == 14
    error_message = "Segments are to be kept for as long as was said."
  }

  assert {
    condition     = anytrue([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : try(rule.abort_incomplete_multipart_upload[0].days_after_initiation > 0, false)])
    error_message = "Uploads that were never finished are to go."
  }

  # Songs and reports stay: nothing but segments may expire.
  assert {
    condition     = alltrue([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule.filter[0].prefix == "songs_to_check/streams/" if try(rule.expiration[0].days > 0, false)])
    error_message = "Nothing but segments is to expire."
  }
}

run "a_website_reads_reports_and_nothing_else" {
  variables {
    site_distribution_arns = ["arn:aws:cloudfront::123456789012:distribution/EDFDVBD632BHDS"]
    protect                = false
  }

  assert {
    condition     = one([for each in data.aws_iam_policy_document.bucket.statement : each.resources if each.sid == "ReportsBehindCloudFront"]) == toset(["arn:aws:s3:::mock-audio/reports/*"])
    error_message = "CloudFront is to read reports only."
  }

  assert {
    condition     = aws_s3_bucket.this.force_destroy
    error_message = "Without protection it goes with all that is in it."
  }
}
