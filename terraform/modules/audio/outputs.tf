output "bucket_name" {
  value       = aws_s3_bucket.this.id
  description = "The bucket's name."
}

output "bucket_arn" {
  value       = aws_s3_bucket.this.arn
  description = "The bucket's ARN."
}

output "bucket_regional_domain_name" {
  value       = aws_s3_bucket.this.bucket_regional_domain_name
  description = "By which CloudFront reaches the bucket."
}
