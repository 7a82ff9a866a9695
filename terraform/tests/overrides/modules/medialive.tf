# moto knows channels and inputs, but not how to ask for their tags, and no groups of addresses that
# may push. These are planned and checked only; the role that they would have is applied.
resource "aws_medialive_input_security_group" "this" {
  for_each = {}
}

resource "aws_medialive_input" "this" {
  for_each = {}
}

resource "aws_medialive_channel" "this" {
  for_each = {}
}
