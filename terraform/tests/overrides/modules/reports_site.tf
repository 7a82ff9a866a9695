# moto keeps CloudFront's functions, but cannot publish them.
resource "aws_cloudfront_function" "this" {
  publish = false
}
