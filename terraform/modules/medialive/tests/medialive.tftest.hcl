mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name        = "radio"
  tags        = { songid = "radio" }
  bucket_name = "radio-audio"
  bucket_arn  = "arn:aws:s3:::radio-audio"
  stations = {
    harbour_fm = { url = "https://example.org/harbour.m3u8" }
    hill_fm    = { kind = "RTMP_PUSH", cidrs = ["203.0.113.7/32", "198.51.100.0/28"] }
    valley_fm  = { kind = "RTP_PUSH", cidrs = ["203.0.113.8/32"] }
  }
}

run "segments_are_named_as_songid_reads_them" {
  assert {
    condition = {
      for name, channel in aws_medialive_channel.this : name => one(one(channel.destinations).settings).url
      } == {
      harbour_fm = "s3ssl://radio-audio/songs_to_check/streams/harbour_fm_$dt$"
      hill_fm    = "s3ssl://radio-audio/songs_to_check/streams/hill_fm_$dt$"
      valley_fm  = "s3ssl://radio-audio/songs_to_check/streams/valley_fm_$dt$"
    }
    error_message = "segments would be written elsewhere, or without TLS"
  }

  assert {
    condition = alltrue([
      for channel in aws_medialive_channel.this :
      channel.encoder_settings[0].output_groups[0].output_group_settings[0].archive_group_settings[0].rollover_interval == 12
      && channel.encoder_settings[0].output_groups[0].outputs[0].output_settings[0].archive_output_settings[0].extension == "ts"
      && 12 % channel.encoder_settings[0].video_descriptions[0].codec_settings[0].h264_settings[0].gop_size == 0
    ])
    error_message = "segments are not of 12 s, which their names' counter stands for"
  }

  assert {
    condition = alltrue([
      for channel in aws_medialive_channel.this :
      channel.encoder_settings[0].output_groups[0].output_group_settings[0].archive_group_settings[0].destination[0].destination_ref_id == one(channel.destinations).id
      && channel.encoder_settings[0].output_groups[0].outputs[0].audio_description_names == toset([one(channel.encoder_settings[0].audio_descriptions).name])
      && channel.encoder_settings[0].output_groups[0].outputs[0].video_description_name == channel.encoder_settings[0].video_descriptions[0].name
      && one(channel.input_attachments).input_settings[0].audio_selector[0].name == one(channel.encoder_settings[0].audio_descriptions).audio_selector_name
    ])
    error_message = "a channel names something that it does not have"
  }
}

run "channels_are_of_the_cheapest_kind" {
  assert {
    condition = alltrue([
      for channel in aws_medialive_channel.this :
      channel.channel_class == "SINGLE_PIPELINE"
      && channel.input_specification[0].input_resolution == "SD"
      && channel.input_specification[0].maximum_bitrate == "MAX_10_MBPS"
      && channel.encoder_settings[0].video_descriptions[0].height < 720
      && channel.encoder_settings[0].video_descriptions[0].codec_settings[0].h264_settings[0].framerate_numerator <= 30
    ])
    error_message = "a channel costs more than it must"
  }
}

run "each_station_has_an_input_of_its_kind" {
  assert {
    condition     = { for name, input in aws_medialive_input.this : name => input.type } == { harbour_fm = "URL_PULL", hill_fm = "RTMP_PUSH", valley_fm = "RTP_PUSH" }
    error_message = "an input is of another kind"
  }

  assert {
    condition     = one(aws_medialive_input.this["harbour_fm"].sources).url == "https://example.org/harbour.m3u8" && length(aws_medialive_input.this["harbour_fm"].destinations) == 0
    error_message = "the stream is not pulled"
  }

  assert {
    condition     = one(aws_medialive_input.this["hill_fm"].destinations).stream_name == "radio/hill_fm"
    error_message = "the encoder has no stream to send to"
  }

  assert {
    condition     = length(aws_medialive_input.this["valley_fm"].destinations) == 0 && length(aws_medialive_input.this["valley_fm"].sources) == 0
    error_message = "RTP has neither a source nor a stream's name"
  }

  assert {
    condition = (
      toset(keys(aws_medialive_input_security_group.this)) == toset(["hill_fm", "valley_fm"])
      && toset([for rule in aws_medialive_input_security_group.this["hill_fm"].whitelist_rules : rule.cidr]) == toset(["203.0.113.7/32", "198.51.100.0/28"])
      && aws_medialive_input.this["hill_fm"].input_security_groups == tolist([aws_medialive_input_security_group.this["hill_fm"].id])
    )
    error_message = "others than the encoder may send"
  }

  assert {
    condition     = toset(keys(output.channel_arns)) == toset(keys(output.input_ids)) && length(output.channel_arns) == 3
    error_message = "a station has no channel"
  }
}

run "the_role_may_only_write_segments" {
  assert {
    condition     = length(data.aws_iam_policy_document.this.statement) == 1 && data.aws_iam_policy_document.this.statement[0].actions == toset(["s3:AbortMultipartUpload", "s3:PutObject"])
    error_message = "channels may do more than write"
  }

  assert {
    condition     = contains(data.aws_iam_policy_document.this.statement[0].resources, "arn:aws:s3:::radio-audio/songs_to_check/streams/hill_fm_*") && length(data.aws_iam_policy_document.this.statement[0].resources) == 3
    error_message = "channels may write elsewhere"
  }

  assert {
    condition = [for each in data.aws_iam_policy_document.trust.statement[0].condition : [each.variable, each.values]] == [
      ["aws:SourceAccount", tolist(["123456789012"])]
    ]
    error_message = "MediaLive may act for another account"
  }
}

run "channels_can_be_stopped" {
  command = plan

  variables {
    start = false
  }

  assert {
    condition     = alltrue([for channel in aws_medialive_channel.this : !channel.start_channel])
    error_message = "a channel is started"
  }
}

run "an_encoder_at_any_address" {
  command = plan

  variables {
    stations = { hill_fm = { kind = "RTMP_PUSH", cidrs = ["0.0.0.0/0"] } }
  }

  expect_failures = [var.stations]
}

run "an_encoder_at_no_address" {
  command = plan

  variables {
    stations = { hill_fm = { kind = "RTP_PUSH" } }
  }

  expect_failures = [var.stations]
}

run "a_pulled_stream_without_its_url" {
  command = plan

  variables {
    stations = { harbour_fm = {} }
  }

  expect_failures = [var.stations]
}

run "an_unknown_kind" {
  command = plan

  variables {
    stations = { harbour_fm = { kind = "HLS", url = "https://example.org/harbour.m3u8" } }
  }

  expect_failures = [var.stations]
}

run "other_wrong_inputs_are_told" {
  command = plan

  variables {
    name        = "Radio"
    bucket_name = "radio.audio"
    stations    = { "a/b" = { url = "https://example.org/harbour.m3u8" } }
  }

  expect_failures = [var.name, var.bucket_name, var.stations]
}
