mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/radio@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
}

run "it_says_what_is_needed_next" {
  assert {
    condition     = output.songid.upload_commands.identify_file == "aws s3 cp FILE s3://mock-audio/songs_to_check/"
    error_message = "Whoever has it wants to identify a file."
  }

  assert {
    condition     = output.songid.report_url == "s3://mock-audio/reports/index.html"
    error_message = "Reports are in the bucket."
  }
}
