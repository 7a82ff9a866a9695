# The reports as a website: CloudFront reads them from the bucket, which stays closed to all others,
# and asks for a login unless they are public.
#
# Up to 1 TB, 10 million requests and 2 million calls of the function a month are free, for ever.

locals {
  # Managed policies have these ids in all accounts.
  # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html
  # Reports are stored as no-cache: this policy keeps such an object for its least time, a second,
  # and compresses. (UseOriginCacheControlHeaders would send S3 the viewer's Host, which it refuses.)
  caching_optimized = "658327ea-f89d-4fab-a63d-7e88639e58f6"
  # Strict-Transport-Security, nosniff, X-Frame-Options and Referrer-Policy.
  security_headers = "67f7725c-6f97-4210-82d7-5512b31e9d03"

  origin = "reports"
}

resource "aws_cloudfront_origin_access_control" "this" {
  name                              = "${var.name}-reports"
  description                       = "Reports of ${var.name}"
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

resource "aws_cloudfront_function" "this" {
  name    = "${var.name}-reports"
  comment = "Login and index pages of ${var.name}'s reports"
  runtime = "cloudfront-js-2.0"
  publish = true

  code = templatefile("${path.module}/viewer_request.js.tftpl", {
    logins = jsonencode(var.logins)
    public = jsonencode(var.public)
  })
}

resource "aws_cloudfront_distribution" "this" {
  #checkov:skip=CKV_AWS_68:a few people read static pages; a firewall would cost more than all else here
  #checkov:skip=CKV2_AWS_47:the same; nothing behind it runs Java
  #checkov:skip=CKV_AWS_86:logs would need a bucket that takes ACLs; add them where rules ask for them
  #checkov:skip=CKV_AWS_174:CloudFront's own certificate leaves no choice; with one of yours it is TLSv1.2_2021
  #checkov:skip=CKV2_AWS_42:the same; a certificate is needed only for a name of your own
  #checkov:skip=CKV2_AWS_32:AWS's own policy SecurityHeadersPolicy is attached, by its id; checkov looks for one made here
  #checkov:skip=CKV_AWS_310:there is one bucket with the reports and no other to fail over to
  #checkov:skip=CKV_AWS_374:who may read is decided by logins, not by countries
  comment             = "Reports of ${var.name}"
  enabled             = true
  is_ipv6_enabled     = true
  http_version        = "http2and3"
  price_class         = var.price_class
  aliases             = var.aliases
  default_root_object = "index.html"
  tags                = var.tags

  origin {
    origin_id                = local.origin
    domain_name              = var.bucket_regional_domain_name
    origin_path              = "/${var.prefix}"
    origin_access_control_id = aws_cloudfront_origin_access_control.this.id
  }

  default_cache_behavior {
    target_origin_id           = local.origin
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = ["GET", "HEAD"]
    cached_methods             = ["GET", "HEAD"]
    compress                   = true
    cache_policy_id            = local.caching_optimized
    response_headers_policy_id = local.security_headers

    function_association {
      event_type   = "viewer-request"
      function_arn = aws_cloudfront_function.this.arn
    }
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    cloudfront_default_certificate = var.certificate_arn == null
    acm_certificate_arn            = var.certificate_arn
    ssl_support_method             = var.certificate_arn == null ? null : "sni-only"
    minimum_protocol_version       = var.certificate_arn == null ? "TLSv1" : "TLSv1.2_2021"
  }
}
