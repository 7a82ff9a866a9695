# The store as one table, billed by the request. songid needs no more than its two keys.

resource "aws_dynamodb_table" "this" {
  #checkov:skip=CKV_AWS_119:encrypted by DynamoDB with its own key, at no charge; a key of one's own costs a request for many reads
  name                        = var.name
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "pk"
  range_key                   = "sk"
  deletion_protection_enabled = var.protect
  tags                        = var.tags

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
    type = "S"
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }
}
