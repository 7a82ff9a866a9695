# Ten stations around the clock, on PostgreSQL, followed by one small container; with a report a day
# for each, and a mail when one falls silent. README.md one level up has the bill.
#
#   make image DIR=terraform/examples/aurora-stations MODULE=module.songid
#   terraform -chdir=terraform/examples/aurora-stations apply

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

variable "alarm_emails" {
  type        = list(string)
  default     = ["ops@example.org"]
  description = "Who is told when something is wrong."
}

locals {
  # Name and title of each, all in one country and at one address.
  stations = {
    harbour_fm   = "Harbour FM"
    city_radio   = "City Radio"
    north_wave   = "North Wave"
    classic_hall = "Classic Hall"
    jazz_corner  = "Jazz Corner"
    hill_country = "Hill Country"
    river_rock   = "River Rock"
    night_line   = "Night Line"
    campus_one   = "Campus One"
    island_beat  = "Island Beat"
  }
}

module "songid" {
  source = "../.."

  name         = "stations"
  image        = var.image
  architecture = var.architecture

  timezone = "Europe/Dublin"
  stations = {
    for name, title in local.stations : name => {
      title  = title
      source = "https://streams.example.org/${name}.mp3"
    }
  }

  store  = "aurora"
  aurora = { min_capacity = 0.5, max_capacity = 4 }

  # One container follows all ten.
  listeners = { memory_mb = 1024 }

  alarm_emails       = var.alarm_emails
  monthly_budget_usd = 250
}

output "songid" {
  value = {
    bucket            = module.songid.bucket
    upload_commands   = module.songid.upload_commands
    results_topic_arn = module.songid.results_topic_arn
    report_url        = module.songid.report_url
    dashboard_url     = module.songid.dashboard_url
    listener_services = module.songid.listener_services
  }
  description = "What is needed next."
}
