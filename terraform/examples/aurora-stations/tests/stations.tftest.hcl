mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/radio@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
}

run "ten_stations_are_followed_by_one_container" {
  assert {
    condition     = length(output.songid.listener_services) == 1
    error_message = "One container for all of them."
  }
}
