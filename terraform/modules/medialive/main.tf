# A channel of AWS Elemental MediaLive for each station, which cuts its stream into segments.
#
# It costs about 250 $ a month and station (us-east-1: one pipeline, input and output in SD, on
# demand, around the clock), whether or not anything comes in, and is by far the dearest way to
# listen: `songid listen` hears ten stations for 11 $ in all. A reservation for a year takes up to
# three quarters off. A channel that does not run, and an input that waits for an encoder, cost some
# dollars a month.

locals {
  pushed = { for name, station in var.stations : name => station if station.kind != "URL_PULL" }

  # Segments are cut where a picture stands alone, so their length must be a multiple of that.
  segment_s = 12
  gop_s     = 2

  audio       = "audio"
  video       = "video"
  destination = "segments"
}

# -- in ----------------------------------------------------------------------------------

# Only the encoder's addresses may send; there is no other protection.
resource "aws_medialive_input_security_group" "this" {
  for_each = local.pushed

  tags = merge(var.tags, { Name = "${var.name}-${each.key}" })

  dynamic "whitelist_rules" {
    for_each = each.value.cidrs

    content {
      cidr = whitelist_rules.value
    }
  }
}

resource "aws_medialive_input" "this" {
  for_each = var.stations

  name                  = "${var.name}-${each.key}"
  type                  = each.value.kind
  input_security_groups = each.value.kind == "URL_PULL" ? null : [aws_medialive_input_security_group.this[each.key].id]
  tags                  = var.tags

  # One source and one destination, for a channel with one pipeline.
  dynamic "sources" {
    for_each = each.value.kind == "URL_PULL" ? [each.value.url] : []

    content {
      url            = sources.value
      username       = ""
      password_param = ""
    }
  }

  dynamic "destinations" {
    for_each = each.value.kind == "RTMP_PUSH" ? ["${var.name}/${each.key}"] : []

    content {
      stream_name = destinations.value
    }
  }
}

# -- through -----------------------------------------------------------------------------

resource "aws_medialive_channel" "this" {
  for_each = var.stations

  name          = "${var.name}-${each.key}"
  channel_class = "SINGLE_PIPELINE" # two would hear everything twice, at nearly twice the price
  role_arn      = aws_iam_role.this.arn
  log_level     = "DISABLED" # a silent station is told by an alarm, and so the role needs no logs
  start_channel = var.start
  tags          = var.tags

  # What is paid for the input; a larger picture is taken, too.
  input_specification {
    codec            = "AVC"
    input_resolution = "SD"
    maximum_bitrate  = "MAX_10_MBPS"
  }

  input_attachments {
    input_attachment_name = each.key
    input_id              = aws_medialive_input.this[each.key].id

    input_settings {
      source_end_behavior = "CONTINUE"

      audio_selector {
        name = local.audio
      }
    }
  }

  # s3ssl, not s3: the bucket refuses what comes without TLS.
  # In an archive's name $dt$ is the time at which the channel was started; MediaLive adds a counter
  # of the segments since then: STATION_20260131T174624.000002.ts
  destinations {
    id = local.destination

    settings {
      url = "s3ssl://${var.bucket_name}/songs_to_check/streams/${each.key}_$dt$"
    }
  }

  encoder_settings {
    timecode_config {
      source = "SYSTEMCLOCK"
    }

    audio_descriptions {
      name                = local.audio
      audio_selector_name = local.audio

      codec_settings {
        aac_settings {
          bitrate           = 96000
          coding_mode       = "CODING_MODE_2_0"
          profile           = "LC"
          rate_control_mode = "CBR"
          sample_rate       = 48000
          spec              = "MPEG4"
        }
      }
    }

    # Nobody looks at it: groups of outputs with sound alone are HLS, Smooth, RTMP and UDP, but not
    # archives, which are the only ones that write files cut by the clock into S3. It is as small as
    # it can be; anything below SD, 30 pictures a second and 10 Mbit/s costs the same.
    # https://docs.aws.amazon.com/medialive/latest/ug/audio-only-outputs-and-outputgroups.html
    video_descriptions {
      name   = local.video
      width  = 256
      height = 144

      codec_settings {
        h264_settings {
          bitrate               = 100000
          rate_control_mode     = "CBR"
          framerate_control     = "SPECIFIED"
          framerate_numerator   = 25
          framerate_denominator = 1
          gop_size              = local.gop_s
          gop_size_units        = "SECONDS"
          scene_change_detect   = "DISABLED" # it would cut segments early
        }
      }
    }

    output_groups {
      name = local.destination

      output_group_settings {
        archive_group_settings {
          rollover_interval = local.segment_s

          destination {
            destination_ref_id = local.destination
          }
        }
      }

      outputs {
        output_name             = local.destination
        audio_description_names = [local.audio]
        video_description_name  = local.video

        output_settings {
          archive_output_settings {
            extension = "ts"

            container_settings {
              m2ts_settings {
                audio_buffer_model = "ATSC"
                buffer_model       = "MULTIPLEX"
                rate_mode          = "VBR" # no stuffing
              }
            }
          }
        }
      }
    }
  }

  depends_on = [aws_iam_role_policy.this]
}

# -- out ---------------------------------------------------------------------------------

data "aws_caller_identity" "current" {}

# MediaLive does not promise to tell for whom it acts, hence IfExists.
# https://docs.aws.amazon.com/medialive/latest/ug/trusted-entity-requirements.html
data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["medialive.amazonaws.com"]
    }

    condition {
      test     = "StringEqualsIfExists"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

# A segment is put; nothing is read, listed or deleted.
data "aws_iam_policy_document" "this" {
  statement {
    sid       = "WriteSegments"
    actions   = ["s3:AbortMultipartUpload", "s3:PutObject"]
    resources = [for name in keys(var.stations) : "${var.bucket_arn}/songs_to_check/streams/${name}_*"]
  }
}

resource "aws_iam_role" "this" {
  name               = "${var.name}-medialive"
  description        = "What songid's channels may do"
  assume_role_policy = data.aws_iam_policy_document.trust.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "this" {
  name   = "write-segments"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.this.json
}
