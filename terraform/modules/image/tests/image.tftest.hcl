mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name = "radio"
  tags = { songid = "radio" }
}

run "images_are_scanned_and_never_replaced" {
  assert {
    condition     = aws_ecr_repository.this.image_scanning_configuration[0].scan_on_push
    error_message = "Images are to be scanned when they are pushed."
  }

  assert {
    condition     = aws_ecr_repository.this.image_tag_mutability == "IMMUTABLE"
    error_message = "A tag is to name one image for ever."
  }

  assert {
    condition     = jsondecode(aws_ecr_lifecycle_policy.this.policy).rules[0].selection.countNumber == 10
    error_message = "Old images are to go."
  }

  # Lambda pulls for functions of this account and name, and for nobody else's.
  assert {
    condition     = one(one(data.aws_iam_policy_document.lambda.statement).condition).values == tolist(["arn:aws:lambda:eu-west-1:123456789012:function:radio*"])
    error_message = "No other account's functions may pull."
  }
}
