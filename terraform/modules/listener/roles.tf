# Who the listener is (task), and who starts it (execution).

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  partition = data.aws_partition.current.partition
  account   = data.aws_caller_identity.current.account_id

  # ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME, the only images that need leave to be pulled.
  registry = regexall("^([0-9]{12})\\.dkr[.-]ecr(?:-fips)?\\.([a-z0-9-]+)\\.[a-z0-9.-]+/([^@:]+)", var.image)
  repositories = [
    for parts in local.registry : "arn:${local.partition}:ecr:${parts[1]}:${parts[0]}:repository/${parts[2]}"
  ]
}

# -- the task ----------------------------------------------------------------------------

data "aws_iam_policy_document" "task_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:ecs:${var.region}:${local.account}:*"]
    }
  }
}

# All it does is to put segments, and notes on gaps and titles, where the function finds them.
data "aws_iam_policy_document" "task" {
  statement {
    sid       = "WriteSegments"
    actions   = ["s3:PutObject"]
    resources = ["${var.bucket_arn}/songs_to_check/streams/*"]
  }
}

resource "aws_iam_role" "task" {
  name               = "${var.name}-listen-task"
  assume_role_policy = data.aws_iam_policy_document.task_trust.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "task" {
  name   = "write-segments"
  role   = aws_iam_role.task.id
  policy = data.aws_iam_policy_document.task.json
}

# -- execution ---------------------------------------------------------------------------

# That ECS tells for whom it acts is promised for the task's role only, hence IfExists.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
data "aws_iam_policy_document" "execution_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }

    condition {
      test     = "StringEqualsIfExists"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }

    condition {
      test     = "ArnLikeIfExists"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:ecs:${var.region}:${local.account}:*"]
    }
  }
}

data "aws_iam_policy_document" "execution" {
  #checkov:skip=CKV_AWS_356:ecr:GetAuthorizationToken has no ARN; it opens the registry's door and no repository
  dynamic "statement" {
    for_each = length(local.repositories) > 0 ? [1] : []

    content {
      sid       = "EnterTheRegistry"
      actions   = ["ecr:GetAuthorizationToken"]
      resources = ["*"]
    }
  }

  dynamic "statement" {
    for_each = length(local.repositories) > 0 ? [1] : []

    content {
      sid       = "PullTheImage"
      actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      resources = local.repositories
    }
  }

  statement {
    sid       = "WriteTheLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
  }
}

resource "aws_iam_role" "execution" {
  name               = "${var.name}-listen-execution"
  assume_role_policy = data.aws_iam_policy_document.execution_trust.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "execution" {
  name   = "pull-and-log"
  role   = aws_iam_role.execution.id
  policy = data.aws_iam_policy_document.execution.json
}
