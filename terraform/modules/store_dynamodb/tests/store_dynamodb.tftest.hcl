mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name         = "radio"
  tags         = { songid = "radio" }
  protect      = true
  journal_days = 400
  claims_days  = 500
}

run "the_table_is_what_songid_makes_itself" {
  assert {
    condition     = aws_dynamodb_table.this.hash_key == "pk" && aws_dynamodb_table.this.range_key == "sk" && aws_dynamodb_table.this.ttl[0].attribute_name == "expires_at"
    error_message = "Keys and expiry are those of songid's own `store migrate`."
  }

  assert {
    condition     = aws_dynamodb_table.this.billing_mode == "PAY_PER_REQUEST" && aws_dynamodb_table.this.point_in_time_recovery[0].enabled && aws_dynamodb_table.this.deletion_protection_enabled
    error_message = "It is to be billed by the request, backed up and protected."
  }

  assert {
    condition     = output.store_url == "dynamodb://radio?journal_days=400&claims_days=500"
    error_message = "What expires is to be what the settings say."
  }
}
