# The least there is: identify files, and hear stations whose segments come from elsewhere. Costs
# next to nothing until it is used.
#
#   make image DIR=terraform/examples/minimal-dynamodb MODULE=module.songid
#   terraform -chdir=terraform/examples/minimal-dynamodb apply

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

module "songid" {
  source = "../.."

  name         = "minimal"
  image        = var.image
  architecture = var.architecture
}

output "songid" {
  value = {
    bucket            = module.songid.bucket
    upload_commands   = module.songid.upload_commands
    results_queue_url = module.songid.results_queue_url
    report_url        = module.songid.report_url
    dashboard_url     = module.songid.dashboard_url
  }
  description = "What is needed next."
}
