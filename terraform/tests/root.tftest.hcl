# The whole from its inputs: what is made of them, and what is refused with a sentence that helps.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name  = "radio"
  image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/radio@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
}

run "a_name_is_enough" {
  assert {
    condition     = length(module.store_dynamodb) == 1 && length(module.store_aurora) == 0 && length(module.network) == 0 && length(module.listener) == 0 && length(module.medialive) == 0 && length(module.reports_site) == 0
    error_message = "By default there is a table, and nothing that costs by the hour."
  }

  assert {
    condition     = output.function_environment["SONGID_STORE"] == "dynamodb://radio?journal_days=400&claims_days=400"
    error_message = "The function is to use the table."
  }

  assert {
    condition     = jsondecode(output.function_environment["SONGID_SINKS"]) == ["sns:arn:aws:sns:eu-west-1:123456789012:mock?events=play_started,play_ended"]
    error_message = "The topic is to be told of plays."
  }

  assert {
    condition     = !contains(keys(output.function_environment), "SONGID_STATIONS")
    error_message = "Without stations there is no variable of them."
  }
}

run "settings_and_stations_become_variables" {
  variables {
    timezone = "Europe/London"
    stations = {
      harbour_fm = { title = "Harbour FM" }
      outpost    = { timezone = "America/New_York" }
    }
    settings         = { "listening.threshold" = "0.995", "log_level" = "debug" }
    sinks            = ["https://example.org/hook"]
    events_in_bucket = true
    retention        = { journal_days = 0 }
  }

  assert {
    condition     = output.function_environment["SONGID_LISTENING__THRESHOLD"] == "0.995" && output.function_environment["SONGID_LOG_LEVEL"] == "debug"
    error_message = "Settings are named as songid names its variables."
  }

  assert {
    condition     = jsondecode(output.function_environment["SONGID_STATIONS"]) == { harbour_fm = { title = "Harbour FM" }, outpost = { timezone = "America/New_York" } }
    error_message = "Stations are to be told by their names, with what is not the default."
  }

  assert {
    condition     = slice(jsondecode(output.function_environment["SONGID_SINKS"]), 1, 3) == ["s3://mock-audio/events", "https://example.org/hook"]
    error_message = "All sinks are to be told."
  }

  assert {
    condition     = output.function_environment["SONGID_STORE"] == "dynamodb://radio?journal_days=0&claims_days=400"
    error_message = "What is kept for ever is not to expire."
  }
}

run "a_database_brings_its_network_and_its_migration" {
  variables {
    store = "aurora"
  }

  assert {
    condition     = length(module.store_dynamodb) == 0 && length(module.store_aurora) == 1 && length(module.network) == 1 && length(module.migrator) == 1
    error_message = "One store, the network around it, and what makes its tables."
  }

  assert {
    condition     = length(module.network[0].public_subnet_ids) == 0
    error_message = "Nothing needs a way out."
  }

  assert {
    condition     = startswith(output.function_environment["SONGID_STORE"], "postgresql://songid@") && endswith(output.function_environment["SONGID_STORE"], "?auth=iam")
    error_message = "The function is to come by IAM."
  }
}

run "a_network_of_ones_own_is_used" {
  variables {
    store    = "aurora"
    stations = { a = { source = "https://example.org/a.mp3" } }
    network = {
      vpc_id             = "vpc-0fedcba9876543210"
      private_subnet_ids = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
      public_subnet_ids  = ["subnet-0123456789abcdef2"]
    }
  }

  assert {
    condition     = length(module.network) == 0 && length(module.listener) == 1
    error_message = "There is nothing to be made."
  }
}

run "stations_with_streams_are_followed" {
  variables {
    listeners = { together = false }
    stations = {
      a = { source = "https://example.org/a.mp3" }
      b = { source = "https://example.org/b.mp3" }
      c = {}
    }
  }

  assert {
    condition     = length(output.listener_services) == 2 && length(module.network) == 1 && length(module.network[0].public_subnet_ids) == 2
    error_message = "Two services, in a network with a way out."
  }
}

# -- what is refused -----------------------------------------------------------------------

run "values_that_cannot_be_meant" {
  command = plan

  variables {
    name           = "Radio_1"
    image          = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/radio:latest"
    timezone       = "London"
    store          = "aurora,dynamodb"
    settings       = { "store" = "memory" }
    events         = ["heard", "hummed"]
    retention      = { log_days = 31 }
    function       = { concurrency = 1 }
    silent_minutes = 7
    alarm_emails   = ["ops at example.org"]
  }

  expect_failures = [
    var.name,
    var.image,
    var.timezone,
    var.store,
    var.settings,
    var.events,
    var.retention,
    var.function,
    var.silent_minutes,
    var.alarm_emails,
  ]
}

run "a_station_with_a_slash" {
  command = plan
  variables {
    stations = { "radio/1" = {} }
  }
  expect_failures = [var.stations]
}

run "a_station_in_no_time_zone" {
  command = plan
  variables {
    stations = { a = { timezone = "Europe/Lodnon" } }
  }
  expect_failures = [var.stations]
}

run "two_stations_of_one_name" {
  command = plan
  variables {
    stations = { "radio-1" = {}, "Radio_1" = {} }
  }
  expect_failures = [var.stations]
}

run "a_stream_that_is_none" {
  command = plan
  variables {
    stations = { a = { source = "rtmp://example.org/a" } }
  }
  expect_failures = [var.stations]
}

run "a_station_followed_twice" {
  command = plan
  variables {
    stations = { a = { source = "https://example.org/a.mp3", medialive = { url = "https://example.org/a.m3u8" } } }
  }
  expect_failures = [var.stations]
}

run "both_stores_by_their_settings" {
  command = plan
  variables {
    store  = "dynamodb"
    aurora = { min_capacity = 0 }
  }
  expect_failures = [var.aurora]
}

