# `songid listen` on Fargate: streams become segments in the bucket.
#
# In us-east-1 a task of the smallest size costs 7.21 $ a month on arm64 and its public address
# 3.65 $, so one task for all stations is the default. About ten stations fit into 512 MB.

locals {
  tasks = (
    length(var.stations) == 0 ? {} :
    var.together ? { all = var.stations } :
    { for name, station in var.stations : name => { (name) = station } }
  )
  names = {
    for key in keys(local.tasks) : key =>
    var.together ? "${var.name}-listen" : "${var.name}-listen-${replace(key, "/[^A-Za-z0-9_-]+/", "-")}"
  }

  # A task has 20 GB of disk at no charge, some of which the image takes; what waits to be delivered
  # must never fill it.
  spool_mb = { for key, stations in local.tasks : key => max(1, min(1000, floor(15000 / length(stations)))) }
}

resource "aws_ecs_cluster" "this" {
  #checkov:skip=CKV_AWS_65:insights are metrics that cost more than the listener; a silent station is told by an alarm of its own
  name = "${var.name}-listen"
  tags = var.tags

  setting {
    name  = "containerInsights"
    value = "disabled"
  }
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_158:encrypted by CloudWatch with its own key; the log tells of connections and gaps and holds no secret
  #checkov:skip=CKV_AWS_338:what was heard, and every gap with its cause, is kept elsewhere; the log is for finding faults
  name              = "/songid/${var.name}/listen"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

resource "aws_ecs_task_definition" "this" {
  #checkov:skip=CKV_AWS_336:segments wait in /tmp, and a volume of Fargate belongs to root, as whom nothing runs here; nobody can write little else
  for_each = local.tasks

  family                   = local.names[each.key]
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory_mb
  task_role_arn            = aws_iam_role.task.arn
  execution_role_arn       = aws_iam_role.execution.arn
  tags                     = var.tags

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.architecture == "arm64" ? "ARM64" : "X86_64"
  }

  container_definitions = jsonencode([{
    name       = "listen"
    image      = var.image
    essential  = true
    user       = "65534:65534"
    entryPoint = ["/usr/local/bin/python", "-m", "songid.cli"]
    command = [
      "listen", "--to", "s3://${var.bucket_name}", "--spool", "/tmp/spool",
      "--spool-mb", tostring(local.spool_mb[each.key]), "--json",
    ]

    environment = [
      for key, value in merge({
        AWS_DEFAULT_REGION = var.region
        AWS_REGION         = var.region
        SONGID_INBOX       = "s3://${var.bucket_name}"
        SONGID_STATIONS    = jsonencode(each.value)
      }, var.environment) : { name = key, value = value }
    ]

    # Segments at hand are finished and delivered first; this is the longest that Fargate waits.
    stopTimeout            = 120
    readonlyRootFilesystem = false

    linuxParameters = {
      initProcessEnabled = true # who ends the processes that workers leave behind
      capabilities       = { drop = ["ALL"] }
    }

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.this.name
        awslogs-region        = var.region
        awslogs-stream-prefix = "listen"
        # Listening must not wait for a log that cannot be written.
        mode            = "non-blocking"
        max-buffer-size = "4m"
      }
    }
  }])
}

resource "aws_ecs_service" "this" {
  #checkov:skip=CKV_AWS_333:a stream is somewhere in the internet; a NAT gateway would cost three times the listener, and nothing is let in
  for_each = local.tasks

  name             = local.names[each.key]
  cluster          = aws_ecs_cluster.this.arn
  task_definition  = aws_ecs_task_definition.this[each.key].arn
  desired_count    = 1
  launch_type      = "FARGATE"
  platform_version = "LATEST"
  propagate_tags   = "SERVICE"
  tags             = var.tags

  # The old task ends before the new one begins: a gap of a minute, and no station heard by two.
  # Rebalancing would need a second one meanwhile.
  deployment_minimum_healthy_percent = 0
  deployment_maximum_percent         = 100
  availability_zone_rebalancing      = "DISABLED"

  # An image that does not start is taken back.
  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = [aws_security_group.this.id]
    assign_public_ip = var.assign_public_ip
  }

  depends_on = [aws_iam_role_policy.task, aws_iam_role_policy.execution]
}

# -- network -----------------------------------------------------------------------------

resource "aws_security_group" "this" {
  name        = "${var.name}-listen"
  description = "Listeners: out to streams and to S3, nothing in"
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-listen" })
}

# Stations are heard on any port: Icecast's is 8000, RTMP's 1935.
resource "aws_vpc_security_group_egress_rule" "out" {
  for_each = { ipv4 = "0.0.0.0/0", ipv6 = "::/0" }

  security_group_id = aws_security_group.this.id
  description       = "Streams and S3"
  cidr_ipv4         = each.key == "ipv4" ? each.value : null
  cidr_ipv6         = each.key == "ipv6" ? each.value : null
  ip_protocol       = "tcp"
  from_port         = 1
  to_port           = 65535
  tags              = var.tags
}
