mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name = "radio"
  tags = { songid = "radio" }
}

run "the_key_is_renewed_and_lent_to_this_account_only" {
  assert {
    condition     = aws_kms_key.this.enable_key_rotation
    error_message = "The key is to be renewed every year."
  }

  assert {
    condition     = alltrue([for each in data.aws_iam_policy_document.key.statement : one(each.condition).values == tolist(["123456789012"]) if each.sid == "AlarmsAndBudgets"])
    error_message = "Alarms and budgets of other accounts have no business with it."
  }
}
