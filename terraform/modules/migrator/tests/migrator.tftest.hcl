mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name               = "radio"
  tags               = { songid = "radio" }
  image              = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/radio@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  architecture       = "arm64"
  store_url          = "postgresql://db.example.org:5432/songid?secret=arn&grant=songid"
  secret_arn         = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:master"
  instance_ids       = ["radio-1"]
  subnet_ids         = ["subnet-0123456789abcdef0"]
  security_group_ids = ["sg-0123456789abcdef0"]
  log_retention_days = 30
}

run "each_new_image_brings_the_tables_to_its_version" {
  assert {
    condition     = jsondecode(aws_lambda_invocation.this.input) == { songid = "migrate" } && aws_lambda_invocation.this.triggers.image == var.image
    error_message = "A new image is to migrate."
  }

  assert {
    condition     = one(data.aws_iam_policy_document.migrate.statement).resources == toset([var.secret_arn])
    error_message = "It reads one secret."
  }
}
