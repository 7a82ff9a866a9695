"""terraform/README.md's tables are what the module says, and Terraform knows songid's zones."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

import docs
from songid.stations import zone_named

ROOT = Path(__file__).parents[2]
TERRAFORM = ROOT / "terraform"
RENEW = "renew it with `.venv/bin/python terraform/tests/docs.py --time-zones`"

VARIABLES = """
variable "stations" {
  description = <<-EOT
    Who is heard, by name: one
    | or more. `feed`: where the sound
    comes from (HLS ...). Or none.

    - at once
  EOT
  type = map(object({
    # An IANA name
    # like `Europe/London`.
    timezone = optional(string)
    title    = optional(string, "Radio") # what <people> call it
    feed     = optional(object({ url = string, cidrs = optional(list(string), []) }))
  }))
  default = {}
}

variable "name" {
  type        = string
  description = "What \\"all\\" names begin with."
}

variable "password" {
  type      = string
  default   = null
  sensitive = true
}
"""

TABLE = r"""| name | type | default | what it is |
| --- | --- | --- | --- |
| `name` | `string` | required | What "all" names begin with. |
| `stations` | `map(object)` | `{}` | Who is heard, by name: one \| or more. Or none.<br>- at once |
| `stations[*].timezone` | `string` | `null` | An IANA name like `Europe/London`. |
| `stations[*].title` | `string` | `"Radio"` | what &lt;people> call it |
| `stations[*].feed` | `object` | `null` | where the sound comes from (HLS ...). |
| `stations[*].feed.url` | `string` | required |  |
| `stations[*].feed.cidrs` | `list(string)` | `[]` |  |
| `password` | `string` | `null` | (sensitive) |
"""


def test_the_readmes_tables_are_what_the_module_takes_and_gives() -> None:
    before, after = docs.rendered()
    assert before == after, "run `make tf-docs`"


def test_a_table_has_required_inputs_first_and_a_row_for_each_attribute() -> None:
    assert docs.inputs_table(docs.read_inputs(VARIABLES)) == TABLE


def test_outputs_have_a_row_each() -> None:
    text = 'output "bucket" {\n  description = "Where $${x} goes."\n  value = var.name\n}\n'
    table = docs.outputs_table(docs.read_outputs(text))
    assert table.splitlines()[2:] == ["| `bucket` | Where ${x} goes. |"]


def test_only_what_is_between_the_markers_changes() -> None:
    page = "# x\n<!-- inputs: begin -->\nold\n<!-- inputs: end -->\nrest\n"
    once = docs.render(page, {"inputs": "| new |\n"})
    assert once == "# x\n<!-- inputs: begin -->\n\n| new |\n\n<!-- inputs: end -->\nrest\n"
    assert docs.render(once, {"inputs": "| new |\n"}) == once
    with pytest.raises(SystemExit, match="outputs"):
        docs.render(page, {"outputs": ""})


@pytest.mark.parametrize("kind", ["variable", "output"])
def test_every_variable_and_output_of_every_module_is_described(kind: str) -> None:
    silent = []
    for path in sorted([*TERRAFORM.glob("*.tf"), *TERRAFORM.glob("modules/*/*.tf")]):
        text = path.read_text("utf-8")
        if kind == "variable":
            rows = [row for row in docs.read_inputs(text) if "." not in row.name]
            silent += [f"{path}: {row.name}" for row in rows if not row.description]
            silent += [f"{path}: {row.name} has no type" for row in rows if row.type == "any"]
        else:
            silent += [f"{path}: {o.name}" for o in docs.read_outputs(text) if not o.description]
    assert not silent


# -- time zones -------------------------------------------------------------------------


def _zones() -> list[str]:
    return (TERRAFORM / "time_zones.txt").read_text("utf-8").splitlines()


def test_every_time_zone_that_terraform_accepts_is_one_of_songids() -> None:
    assert _zones() == sorted(set(_zones()))
    for name in _zones():
        assert str(zone_named(name)) == name


def test_terraform_accepts_every_time_zone_that_songid_brings() -> None:
    missing = set(docs.time_zones()) - set(_zones())
    assert not missing, f"tzdata {version('tzdata')} has more than time_zones.txt: {RENEW}"
