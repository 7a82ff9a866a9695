# Every part at once, as a place to copy from: listeners and MediaLive, a website of reports, events
# for Athena, the picture half's permissions, and a store that pauses.
#
#   make image DIR=terraform/examples/everything MODULE=module.songid
#   terraform -chdir=terraform/examples/everything apply

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}

provider "aws" {
  region = "eu-west-1"
}

variable "image" {
  type        = string
  default     = null
  description = "The function's image, as `make image` writes it."
}

variable "architecture" {
  type        = string
  default     = "arm64"
  description = "The image's processor, as `make image` writes it."
}

variable "protect_data" {
  type        = bool
  default     = true
  description = "Set it to false, and apply, before you destroy this."
}

module "songid" {
  source = "../.."

  name         = "everything"
  image        = var.image
  architecture = var.architecture
  protect_data = var.protect_data

  timezone = "Europe/London"
  stations = {
    # Followed by a container of its own.
    harbour_fm = {
      title  = "Harbour FM"
      source = "https://streams.example.org/harbour.mp3"
    }
    north_wave = {
      title    = "North Wave"
      timezone = "Atlantic/Reykjavik"
      source   = "https://streams.example.org/north.m3u8"
    }
    # Followed by MediaLive, at about 250 $ a month.
    city_tv = {
      title     = "City TV"
      medialive = { url = "https://streams.example.org/city/index.m3u8" }
    }
    # Whose segments are put into the bucket by a recorder elsewhere.
    outpost = {
      title    = "Outpost"
      timezone = "America/New_York"
    }
  }

  listeners = { together = false }

  store  = "aurora"
  aurora = { min_capacity = 0, max_capacity = 8, pause_after_s = 900, final_snapshot = true }

  events           = ["heard", "play_started", "play_ended"]
  events_in_bucket = true
  settings         = { "listening.threshold" = "0.995", "log_level" = "debug" }

  # printf 'reader:correct horse battery staple' | sha256sum
  reports_site = {
    logins = ["13c1cb725aa0089c7b4d3de8c43dfa9753c3d17af15c1dd4717f9af4fd97bbb6"]
  }

  pictures = {}

  retention          = { journal_days = 1100, claims_days = 1100, segments_days = 14, log_days = 90 }
  alarm_emails       = ["ops@example.org"]
  monthly_budget_usd = 800
  silent_minutes     = 30
  tags               = { team = "monitoring" }
}

output "songid" {
  value = {
    bucket             = module.songid.bucket
    upload_commands    = module.songid.upload_commands
    results_topic_arn  = module.songid.results_topic_arn
    results_queue_url  = module.songid.results_queue_url
    report_url         = module.songid.report_url
    dashboard_url      = module.songid.dashboard_url
    listener_services  = module.songid.listener_services
    medialive_channels = module.songid.medialive_channels
  }
  description = "What is needed next."
}
