output "url" {
  value       = "https://${length(var.aliases) > 0 ? var.aliases[0] : aws_cloudfront_distribution.this.domain_name}/"
  description = "Where the reports are read."
}

output "distribution_arn" {
  value       = aws_cloudfront_distribution.this.arn
  description = "The distribution, which the bucket's policy must let read the reports."
}

output "domain_name" {
  value       = aws_cloudfront_distribution.this.domain_name
  description = "What a name of your own must point at."
}
