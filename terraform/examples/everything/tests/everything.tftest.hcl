mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/radio@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
}

run "every_part_is_there" {
  assert {
    condition     = length(output.songid.listener_services) == 2 && length(output.songid.medialive_channels) == 1
    error_message = "Two stations have listeners, one has a channel, one neither."
  }

  assert {
    condition     = startswith(output.songid.report_url, "https://")
    error_message = "Reports are a website."
  }
}
