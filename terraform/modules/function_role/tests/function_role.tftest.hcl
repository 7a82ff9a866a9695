mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  function_name      = "radio"
  role_name          = "radio-function"
  description        = "Tests"
  tags               = { songid = "radio" }
  policy             = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
  in_network         = false
  log_retention_days = 30
}

run "a_function_outside_a_network_may_log_and_what_it_was_given" {
  assert {
    condition     = [for each in data.aws_iam_policy_document.all.statement : each.sid] == ["Log"]
    error_message = "There is nothing but the log to add."
  }
}

run "a_function_in_a_network_is_put_there_by_lambda_alone" {
  variables {
    in_network = true
  }

  assert {
    condition     = one([for each in data.aws_iam_policy_document.all.statement : one(each.condition).values if each.effect == "Deny"]) == tolist(["arn:aws:lambda:eu-west-1:123456789012:function:radio"])
    error_message = "The function's own code is to be denied what Lambda needs."
  }
}
