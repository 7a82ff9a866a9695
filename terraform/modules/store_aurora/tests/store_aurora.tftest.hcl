mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name           = "radio"
  tags           = { songid = "radio" }
  vpc_id         = "vpc-0123456789abcdef0"
  subnet_ids     = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
  min_capacity   = 0.5
  max_capacity   = 4
  pause_after_s  = 600
  instances      = 1
  backup_days    = 7
  protect        = true
  final_snapshot = false
}

run "nobody_needs_a_password" {
  assert {
    condition     = aws_rds_cluster.this.manage_master_user_password && aws_rds_cluster.this.iam_database_authentication_enabled && aws_rds_cluster.this.storage_encrypted && aws_rds_cluster.this.deletion_protection
    error_message = "The master's password is RDS's own, the function comes by IAM, and all is encrypted and protected."
  }

  assert {
    condition     = output.store_url == "postgresql://songid@mock.cluster-abcdefghijkl.eu-west-1.rds.amazonaws.com:5432/songid?auth=iam"
    error_message = "The function is to come by IAM."
  }

  assert {
    condition     = endswith(output.migration_url, "&grant=songid") && strcontains(output.migration_url, "secret=arn:aws:secretsmanager:")
    error_message = "The migration is to come by the master's secret, and to let the function's user in."
  }
}

run "nothing_but_the_function_reaches_it" {
  assert {
    condition     = aws_vpc_security_group_ingress_rule.database.cidr_ipv4 == null && aws_vpc_security_group_ingress_rule.database.from_port == 5432
    error_message = "The database is to be reached by a group, not by addresses."
  }

  assert {
    condition     = alltrue([for each in aws_rds_cluster_instance.this : !each.publicly_accessible && each.instance_class == "db.serverless"])
    error_message = "Instances are serverless, and nothing outside reaches them."
  }
}

run "it_pauses_only_where_it_may" {
  assert {
    condition     = aws_rds_cluster.this.serverlessv2_scaling_configuration[0].min_capacity == 0.5
    error_message = "At 0.5 ACU it stays awake."
  }
}

run "it_may_pause" {
  variables {
    min_capacity = 0
    instances    = 2
  }

  assert {
    condition     = aws_rds_cluster.this.serverlessv2_scaling_configuration[0].seconds_until_auto_pause == 600
    error_message = "With 0 ACU it pauses when it was told to."
  }

  assert {
    condition     = length(aws_rds_cluster_instance.this) == 2
    error_message = "A second instance takes over where the first fails."
  }
}

run "capacities_that_do_not_exist_are_refused" {
  command = plan

  variables {
    min_capacity = 0.3
  }

  expect_failures = [var.min_capacity]
}
