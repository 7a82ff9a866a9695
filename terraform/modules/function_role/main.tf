# What every function here has: a role with what it is given and no more, a log, and, where it is
# in a network, what Lambda needs to put it there.

locals {
  # The function's own ARN, which is not there yet when its role is made.
  arn_parts    = split(":", aws_cloudwatch_log_group.this.arn)
  function_arn = "arn:${local.arn_parts[1]}:lambda:${local.arn_parts[3]}:${local.arn_parts[4]}:function:${var.function_name}"

  # https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
  network_actions = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
  ]
}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "all" {
  #checkov:skip=CKV_AWS_111:of network interfaces, which have no ARN before Lambda makes them; the function's own code is denied them
  #checkov:skip=CKV_AWS_356:the same
  source_policy_documents = [var.policy]

  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
  }

  # Lambda makes and removes a function's network interfaces with the function's role ...
  dynamic "statement" {
    for_each = var.in_network ? [true] : []

    content {
      sid       = "LetLambdaPutItIntoTheNetwork"
      actions   = local.network_actions
      resources = ["*"]
    }
  }

  # ... and the function's own code has no business with them.
  dynamic "statement" {
    for_each = var.in_network ? [true] : []

    content {
      sid       = "ButNotTheFunctionItself"
      effect    = "Deny"
      actions   = local.network_actions
      resources = ["*"]

      condition {
        test     = "ArnEquals"
        variable = "lambda:SourceFunctionArn"
        values   = [local.function_arn]
      }
    }
  }
}

resource "aws_iam_role" "this" {
  name               = var.role_name
  description        = var.description
  assume_role_policy = data.aws_iam_policy_document.assume.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "this" {
  name   = "songid"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.all.json
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_158:encrypted by CloudWatch; it holds names of files and stations, no secrets
  #checkov:skip=CKV_AWS_338:how long logs are kept is the user's choice, and a year of them costs money
  name              = "/aws/lambda/${var.function_name}"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}
