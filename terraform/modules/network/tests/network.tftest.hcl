mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name   = "radio"
  tags   = { songid = "radio" }
  region = "eu-west-1"
}

run "a_private_network_has_no_way_out_and_costs_nothing" {
  assert {
    condition     = length(aws_subnet.private) == 2 && length(aws_subnet.public) == 0 && length(aws_internet_gateway.this) == 0
    error_message = "Two private subnets, and no way out."
  }

  assert {
    condition     = toset(keys(aws_vpc_endpoint.gateway)) == toset(["s3", "dynamodb"]) && length(aws_vpc_endpoint.interface) == 0 && length(aws_security_group.endpoints) == 0
    error_message = "Gateway endpoints are free; interface endpoints are made for who asks."
  }
}

run "listeners_get_a_way_out_and_functions_their_services" {
  variables {
    public              = true
    interface_endpoints = ["sqs", "sns"]
  }

  assert {
    condition     = length(aws_subnet.public) == 2 && aws_route.out[0].destination_cidr_block == "0.0.0.0/0"
    error_message = "Public subnets lead out."
  }

  assert {
    condition     = alltrue([for each in aws_vpc_endpoint.interface : each.private_dns_enabled && length(each.subnet_ids) == 1])
    error_message = "Endpoints are reached by their services' own names, and paid for in one zone."
  }

  assert {
    condition     = length(setintersection([for each in aws_subnet.private : each.cidr_block], [for each in aws_subnet.public : each.cidr_block])) == 0
    error_message = "Subnets must not overlap."
  }
}
