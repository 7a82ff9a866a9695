# Where the function's container image is kept. `make image` applies this module first, pushes the
# image into it, and tells the rest its digest.

resource "aws_ecr_repository" "this" {
  #checkov:skip=CKV_AWS_136:encrypted with AES-256 by ECR; the image is built from public code and holds no secret
  name                 = var.name
  image_tag_mutability = "IMMUTABLE"
  force_delete         = true # an image can be built again at any time
  tags                 = var.tags

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_ecr_lifecycle_policy" "this" {
  repository = aws_ecr_repository.this.name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Keep the newest images, to be able to go back"
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = var.keep_images }
      action       = { type = "expire" }
    }]
  })
}

# Lambda would write this by itself, if whoever applies may have it do so.
locals {
  arn_parts = split(":", aws_ecr_repository.this.arn)
}

data "aws_iam_policy_document" "lambda" {
  statement {
    sid     = "FunctionsOfThisAccount"
    actions = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${local.arn_parts[1]}:lambda:${local.arn_parts[3]}:${local.arn_parts[4]}:function:${var.name}*"]
    }
  }
}

resource "aws_ecr_repository_policy" "this" {
  repository = aws_ecr_repository.this.name
  policy     = data.aws_iam_policy_document.lambda.json
}
