# The store as Aurora PostgreSQL Serverless v2, which grows with the load and may pause without it.

# The newest minor version of it; later ones come by themselves, in the maintenance window.
data "aws_rds_engine_version" "this" {
  engine  = "aurora-postgresql"
  version = var.postgresql_version
  latest  = true
}

resource "aws_db_subnet_group" "this" {
  name       = var.name
  subnet_ids = var.subnet_ids
  tags       = var.tags
}

resource "aws_security_group" "database" {
  name        = "${var.name}-database"
  description = "The database"
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-database" })
}

resource "aws_security_group" "client" {
  #checkov:skip=CKV2_AWS_5:the function has it, which is in another module
  name        = "${var.name}-function"
  description = "The function"
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-function" })
}

resource "aws_vpc_security_group_ingress_rule" "database" {
  security_group_id            = aws_security_group.database.id
  description                  = "PostgreSQL from the function"
  referenced_security_group_id = aws_security_group.client.id
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port
  tags                         = var.tags
}

resource "aws_vpc_security_group_egress_rule" "to_database" {
  security_group_id            = aws_security_group.client.id
  description                  = "PostgreSQL"
  referenced_security_group_id = aws_security_group.database.id
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port
  tags                         = var.tags
}

# Where to, the subnets' routes decide: to AWS's services, and nowhere else unless a user's own
# network has a way out.
resource "aws_vpc_security_group_egress_rule" "to_services" {
  security_group_id = aws_security_group.client.id
  description       = "HTTPS, to AWS's services"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  tags              = var.tags
}

locals {
  port     = 5432
  database = "songid"
  user     = "songid"
}

# RDS would make it by itself, and leave it behind.
resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_158:encrypted by CloudWatch; it holds what PostgreSQL tells of itself
  #checkov:skip=CKV_AWS_338:how long logs are kept is the user's choice, and a year of them costs money
  name              = "/aws/rds/cluster/${var.name}/postgresql"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

resource "aws_rds_cluster" "this" {
  #checkov:skip=CKV_AWS_327:encrypted with the account's RDS key; a key of one's own adds a way to lock oneself out of the catalogue
  #checkov:skip=CKV_AWS_133:they are kept for `backup_days`, which is 7 unless a user says otherwise
  #checkov:skip=CKV2_AWS_8:Aurora keeps backups of its own, from which any second of `backup_days` can be restored
  #checkov:skip=CKV2_AWS_27:statements hold hashes and times, far too many to be logged
  cluster_identifier  = var.name
  engine              = "aurora-postgresql"
  engine_mode         = "provisioned" # as Serverless v2 is called here
  engine_version      = data.aws_rds_engine_version.this.version_actual
  database_name       = local.database
  port                = local.port
  deletion_protection = var.protect
  storage_encrypted   = true
  tags                = var.tags

  # RDS makes the master's password and keeps it in Secrets Manager; no one need ever see it.
  master_username                     = "songid_admin"
  manage_master_user_password         = true
  iam_database_authentication_enabled = true

  db_subnet_group_name   = aws_db_subnet_group.this.name
  vpc_security_group_ids = [aws_security_group.database.id]

  backup_retention_period         = var.backup_days
  copy_tags_to_snapshot           = true
  skip_final_snapshot             = !var.final_snapshot
  final_snapshot_identifier       = var.final_snapshot ? "${var.name}-final" : null
  enabled_cloudwatch_logs_exports = ["postgresql"]

  serverlessv2_scaling_configuration {
    min_capacity             = var.min_capacity
    max_capacity             = var.max_capacity
    seconds_until_auto_pause = var.min_capacity == 0 ? var.pause_after_s : null
  }

  lifecycle {
    # Minor versions come by themselves; a plan must not want to go back.
    ignore_changes = [engine_version]
  }

  depends_on = [aws_cloudwatch_log_group.this]
}

resource "aws_rds_cluster_instance" "this" {
  #checkov:skip=CKV_AWS_118:CloudWatch's own metrics every minute are enough for a database of this kind
  #checkov:skip=CKV_AWS_353:the same
  #checkov:skip=CKV_AWS_354:the same
  for_each = toset([for number in range(var.instances) : tostring(number + 1)])

  identifier                 = "${var.name}-${each.key}"
  cluster_identifier         = aws_rds_cluster.this.id
  engine                     = aws_rds_cluster.this.engine
  instance_class             = "db.serverless"
  publicly_accessible        = false
  auto_minor_version_upgrade = true
  tags                       = var.tags
}
