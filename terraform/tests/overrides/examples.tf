# What an example gets when the tests apply it to moto's server, beside its own main.tf. Where that
# server is, and made-up credentials, the tests say by AWS's own environment variables.

provider "aws" {
  # moto's credentials are those of nobody, and there is no machine to ask for its role.
  skip_credentials_validation = true
  skip_metadata_api_check     = true

  # Names of buckets cannot be part of the name of a server at 127.0.0.1.
  s3_use_path_style = true
}
