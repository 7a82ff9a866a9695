mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name        = "radio"
  tags        = { songid = "radio" }
  region      = "eu-west-1"
  image       = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/radio@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  bucket_name = "radio-audio"
  bucket_arn  = "arn:aws:s3:::radio-audio"
  vpc_id      = "vpc-0123456789abcdef0"
  subnet_ids  = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
  stations = {
    harbour_fm = { source = "https://example.org/harbour.mp3", timezone = "Europe/London", title = "Harbour FM" }
    "Radio 1"  = { source = "https://example.org/radio1.m3u8", timezone = "", title = "" }
  }
}

run "one_task_listens_to_all" {
  assert {
    condition     = output.service_names == tolist(["radio-listen"]) && length(aws_ecs_task_definition.this) == 1
    error_message = "there is more than one service"
  }

  assert {
    condition = jsondecode(one([
      for each in jsondecode(aws_ecs_task_definition.this["all"].container_definitions)[0].environment :
      each.value if each.name == "SONGID_STATIONS"
      ])) == {
      harbour_fm = { source = "https://example.org/harbour.mp3", timezone = "Europe/London", title = "Harbour FM" }
      "Radio 1"  = { source = "https://example.org/radio1.m3u8", timezone = "", title = "" }
    }
    error_message = "the task does not know all stations"
  }

  assert {
    condition = jsonencode(jsondecode(aws_ecs_task_definition.this["all"].container_definitions)[0].command) == jsonencode([
      "listen", "--to", "s3://radio-audio", "--spool", "/tmp/spool", "--spool-mb", "1000", "--json"
    ])
    error_message = "the command is another one"
  }

  assert {
    condition     = jsonencode(jsondecode(aws_ecs_task_definition.this["all"].container_definitions)[0].entryPoint) == jsonencode(["/usr/local/bin/python", "-m", "songid.cli"])
    error_message = "the image would not listen"
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this["all"].container_definitions)[0].user == "65534:65534"
    error_message = "the listener is root"
  }

  assert {
    condition     = aws_ecs_task_definition.this["all"].runtime_platform[0].cpu_architecture == "ARM64"
    error_message = "the image would not run"
  }

  assert {
    condition     = aws_ecs_service.this["all"].deployment_maximum_percent == 100 && aws_ecs_service.this["all"].deployment_minimum_healthy_percent == 0
    error_message = "a station would be heard by two while the image is changed"
  }

  assert {
    condition     = aws_ecs_task_definition.this["all"].task_role_arn == output.task_role_arn
    error_message = "the task has another role"
  }
}

run "each_station_has_a_service" {
  variables {
    together = false
  }

  assert {
    condition     = output.service_names == tolist(["radio-listen-Radio-1", "radio-listen-harbour_fm"])
    error_message = "a station has no service of its own"
  }

  assert {
    condition = alltrue([
      for name, task in aws_ecs_task_definition.this : keys(jsondecode(one([
        for each in jsondecode(task.container_definitions)[0].environment : each.value if each.name == "SONGID_STATIONS"
      ]))) == [name]
    ])
    error_message = "a task listens to another station than its own"
  }
}

run "the_spool_never_fills_the_disk" {
  command = plan

  variables {
    stations = {
      for index in range(60) : "station${index}" => { source = "https://example.org/${index}", timezone = "", title = "" }
    }
  }

  assert {
    condition     = 60 * local.spool_mb["all"] <= 15000
    error_message = "what waits may take more than the task's disk"
  }
}

run "no_stations_no_service" {
  command = plan

  variables {
    stations = {}
  }

  assert {
    condition     = length(aws_ecs_service.this) == 0 && length(aws_ecs_task_definition.this) == 0
    error_message = "a service listens to nothing"
  }
}

run "the_task_may_only_write_segments" {
  assert {
    condition     = length(data.aws_iam_policy_document.task.statement) == 1
    error_message = "the task may do more than one thing"
  }

  assert {
    condition     = data.aws_iam_policy_document.task.statement[0].actions == toset(["s3:PutObject"])
    error_message = "the task may do more than write"
  }

  assert {
    condition     = data.aws_iam_policy_document.task.statement[0].resources == toset(["arn:aws:s3:::radio-audio/songs_to_check/streams/*"])
    error_message = "the task may write elsewhere"
  }

  assert {
    condition = alltrue(flatten([
      for trust in [data.aws_iam_policy_document.task_trust, data.aws_iam_policy_document.execution_trust] : [
        toset([for each in trust.statement[0].condition : each.variable]) == toset(["aws:SourceAccount", "aws:SourceArn"]),
        alltrue([for each in trust.statement[0].condition : anytrue([for value in each.values : strcontains(value, "123456789012")])]),
      ]
    ]))
    error_message = "ECS may act for another account"
  }
}

run "the_image_is_pulled_from_its_own_repository_only" {
  assert {
    condition = one([
      for each in data.aws_iam_policy_document.execution.statement : each.resources if each.sid == "PullTheImage"
    ]) == toset(["arn:aws:ecr:eu-west-1:123456789012:repository/radio"])
    error_message = "another repository may be read, or this one not"
  }

  assert {
    condition = alltrue([
      for each in data.aws_iam_policy_document.execution.statement :
      each.actions == toset(["ecr:GetAuthorizationToken"]) || !contains(each.resources, "*")
    ])
    error_message = "something else than the token is granted for everything"
  }
}

run "a_public_image_needs_no_registry" {
  command = plan

  variables {
    image = "public.ecr.aws/songs/songid@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  }

  assert {
    condition     = [for each in data.aws_iam_policy_document.execution.statement : each.sid] == ["WriteTheLog"]
    error_message = "more is granted than is needed"
  }
}

run "nothing_gets_in" {
  command = plan

  assert {
    condition = alltrue([
      for rule in aws_vpc_security_group_egress_rule.out : rule.ip_protocol == "tcp" && rule.to_port == 65535
    ]) && length(aws_vpc_security_group_egress_rule.out) == 2
    error_message = "streams on any port cannot be reached"
  }
}

run "wrong_inputs_are_told" {
  command = plan

  variables {
    name         = "No Good"
    image        = "radio:latest"
    architecture = "mips"
    cpu          = 300
    subnet_ids   = []
    stations     = { "a/b" = { source = "nowhere", timezone = "", title = "" } }
  }

  expect_failures = [var.name, var.image, var.architecture, var.cpu, var.subnet_ids, var.stations]
}

run "two_names_that_would_be_one_service" {
  command = plan

  variables {
    together = false
    stations = {
      "radio.1" = { source = "https://example.org/1", timezone = "", title = "" }
      "radio 1" = { source = "https://example.org/2", timezone = "", title = "" }
    }
  }

  expect_failures = [var.together]
}

run "memory_that_fargate_does_not_have" {
  command = plan

  variables {
    cpu       = 512
    memory_mb = 512
  }

  expect_failures = [var.memory_mb]
}
