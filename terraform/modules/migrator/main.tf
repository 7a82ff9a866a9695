# Makes the database's tables and the function's user, and brings them to the version of each new
# image. It alone may read the master's password; the function that does the jobs may not.

data "aws_iam_policy_document" "migrate" {
  statement {
    sid       = "KnowThePassword"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [var.secret_arn]
  }
}

module "role" {
  source = "../function_role"

  function_name      = "${var.name}-migrate"
  role_name          = "${var.name}-migrate"
  description        = "What songid's migration may do"
  policy             = data.aws_iam_policy_document.migrate.json
  in_network         = true
  log_retention_days = var.log_retention_days
  tags               = var.tags
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_50:it runs once for each new image, and whoever applies sees what it says
  #checkov:skip=CKV_AWS_115:it is invoked by nobody but Terraform
  #checkov:skip=CKV_AWS_116:it is invoked by nobody but Terraform, which sees that it failed
  #checkov:skip=CKV_AWS_173:encrypted by Lambda with a key of its own; there are no secrets in the variables
  #checkov:skip=CKV_AWS_272:images cannot be signed this way; the image is named by its digest
  function_name = "${var.name}-migrate"
  description   = "songid: makes the database's tables, and brings them to a new version"
  role          = module.role.role_arn
  package_type  = "Image"
  image_uri     = var.image
  architectures = [var.architecture]
  memory_size   = 512
  timeout       = 600
  tags          = var.tags

  environment {
    variables = {
      # A database that was just made, or is paused, takes its time.
      SONGID_STORE = "${var.store_url}&patience_s=300&statement_s=600"
      SONGID_INBOX = ""
    }
  }

  vpc_config {
    subnet_ids         = var.subnet_ids
    security_group_ids = var.security_group_ids
  }

  lifecycle {
    precondition {
      condition     = var.image != null
      error_message = "There is no image yet; run `make image` first."
    }
  }

  logging_config {
    log_format = "Text" # as it is written, which is JSON
    log_group  = module.role.log_group_name
  }
}

resource "aws_lambda_invocation" "this" {
  function_name = aws_lambda_function.this.function_name
  input         = jsonencode({ songid = "migrate" })

  triggers = {
    image    = var.image
    database = join(" ", var.instance_ids)
  }
}
