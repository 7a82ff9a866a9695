mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name                        = "radio"
  tags                        = { songid = "radio" }
  bucket_regional_domain_name = "radio-audio.s3.eu-west-1.amazonaws.com"
  logins                      = ["2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"]
}

run "only_cloudfront_reads_the_bucket_and_signs_what_it_asks" {
  assert {
    condition = (
      aws_cloudfront_origin_access_control.this.signing_behavior == "always"
      && aws_cloudfront_origin_access_control.this.signing_protocol == "sigv4"
      && one(aws_cloudfront_distribution.this.origin).origin_access_control_id == aws_cloudfront_origin_access_control.this.id
    )
    error_message = "the bucket would have to be open"
  }

  assert {
    condition = (
      one(aws_cloudfront_distribution.this.origin).origin_path == "/reports"
      && one(aws_cloudfront_distribution.this.origin).domain_name == "radio-audio.s3.eu-west-1.amazonaws.com"
    )
    error_message = "more than the reports is shown"
  }

  assert {
    condition     = aws_cloudfront_distribution.this.default_cache_behavior[0].viewer_protocol_policy == "redirect-to-https"
    error_message = "passwords would go over HTTP"
  }

  assert {
    condition     = aws_cloudfront_distribution.this.default_cache_behavior[0].allowed_methods == toset(["GET", "HEAD"])
    error_message = "more than reading is allowed"
  }

  assert {
    condition = (
      aws_cloudfront_distribution.this.default_cache_behavior[0].cache_policy_id == "658327ea-f89d-4fab-a63d-7e88639e58f6"
      && aws_cloudfront_distribution.this.default_cache_behavior[0].response_headers_policy_id == "67f7725c-6f97-4210-82d7-5512b31e9d03"
    )
    error_message = "the policies are others"
  }

  assert {
    condition     = output.url == "https://d111111abcdef8.cloudfront.net/"
    error_message = "the address is another one"
  }
}

run "a_login_is_asked_for_before_the_cache" {
  assert {
    condition = one(aws_cloudfront_distribution.this.default_cache_behavior[0].function_association) == {
      event_type   = "viewer-request"
      function_arn = aws_cloudfront_function.this.arn
    }
    error_message = "the function is not asked"
  }

  assert {
    condition = (
      strcontains(aws_cloudfront_function.this.code, "const logins = [\"2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b\"];")
      && strcontains(aws_cloudfront_function.this.code, "const isPublic = false;")
      && aws_cloudfront_function.this.publish
      && aws_cloudfront_function.this.runtime == "cloudfront-js-2.0"
    )
    error_message = "the function does not know the login, or lets everybody in"
  }

  assert {
    condition     = length(aws_cloudfront_function.this.code) < 10240
    error_message = "CloudFront takes no larger function"
  }
}

run "a_hundred_logins_fit" {
  command = plan

  variables {
    logins = [for index in range(100) : sha256("name${index}:password")]
  }

  assert {
    condition     = length(aws_cloudfront_function.this.code) < 10240
    error_message = "CloudFront takes no larger function"
  }
}

run "public_only_when_asked" {
  command = plan

  variables {
    public = true
    logins = []
  }

  assert {
    condition     = strcontains(aws_cloudfront_function.this.code, "const isPublic = true;")
    error_message = "nobody could read"
  }
}

run "a_name_of_ones_own" {
  command = plan

  variables {
    aliases         = ["reports.example.org"]
    certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
  }

  assert {
    condition     = output.url == "https://reports.example.org/"
    error_message = "the address is another one"
  }

  assert {
    condition = (
      aws_cloudfront_distribution.this.viewer_certificate[0].minimum_protocol_version == "TLSv1.2_2021"
      && aws_cloudfront_distribution.this.viewer_certificate[0].ssl_support_method == "sni-only"
      && !aws_cloudfront_distribution.this.viewer_certificate[0].cloudfront_default_certificate
    )
    error_message = "the certificate is not used, or with an old protocol"
  }
}

run "nobody_could_read" {
  command = plan

  variables {
    logins = []
  }

  expect_failures = [var.logins]
}

run "a_password_is_no_login" {
  command = plan

  variables {
    logins = ["name:password"]
  }

  expect_failures = [var.logins]
}

run "public_with_logins" {
  command = plan

  variables {
    public = true
  }

  expect_failures = [var.logins]
}

run "other_wrong_inputs_are_told" {
  command = plan

  variables {
    name        = "R"
    prefix      = "/reports/"
    aliases     = ["reports.example.org"]
    price_class = "PriceClass_1"
  }

  expect_failures = [var.name, var.prefix, var.aliases, var.price_class]
}

run "a_certificate_of_another_region" {
  command = plan

  variables {
    certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
  }

  expect_failures = [var.certificate_arn]
}
