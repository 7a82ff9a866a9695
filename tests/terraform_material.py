"""Terraform's examples, applied for real: by terraform, its AWS provider, and moto as the cloud.

An example is used as it stands in the tree. A copy of it gets what `terraform/tests/overrides`
says: test credentials and what moto cannot do, none of which is part of the modules.
"""

from __future__ import annotations

import fcntl
import functools
import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cloud_material import environment

ROOT = Path(__file__).parents[1]
TERRAFORM = ROOT / "terraform"
EXAMPLES = TERRAFORM / "examples"
OVERRIDES = TERRAFORM / "tests/overrides"
# Where the provider's registry is out of reach, this runs terraform all the same.
_OFFLINE = ROOT.parent / "shared/terraform-offline/tf"
_PRIVATE = (".terraform", ".terraform.lock.hcl", "*.tfstate*", "*.tfplan", "*.tfvars*")

Resource = dict[str, Any]


def example_names() -> list[str]:
    """All examples, or those that the environment's EXAMPLE names."""
    asked = os.environ.get("EXAMPLE", "").split()
    there = sorted(path.parent.name for path in EXAMPLES.glob("*/main.tf"))
    assert set(asked) <= set(there), f"there is no example {asked}, but {there}"
    return asked or there


def _command() -> list[str]:
    given = os.environ.get("TERRAFORM")
    if given:
        return shlex.split(given)
    return [str(_OFFLINE)] if _OFFLINE.exists() else ["terraform"]


@dataclass(frozen=True)
class Terraform:
    """How terraform is run, and where its provider lies."""

    command: Sequence[str]
    providers: Path


@functools.cache
def terraform_or_skip(session: Path) -> Terraform:
    """Terraform, if it is here and gets at its AWS provider; all processes share `session`."""
    command = _command()
    if shutil.which(command[0]) is None:
        pytest.skip(f"no {command[0]} here")
    probe = session / "terraform-probe"
    with (session / "terraform-probe.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not probe.exists():
            probe.mkdir()
            shutil.copy(TERRAFORM / "versions.tf", probe)
        if not (probe / ".terraform/providers").exists():
            done = subprocess.run(
                [*command, "init", "-input=false", "-no-color"],
                cwd=probe,
                env=_environment(""),
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                pytest.skip(f"terraform cannot get the AWS provider: {done.stderr.strip()[-300:]}")
    return Terraform(command, probe / ".terraform/providers")


def _environment(endpoint: str) -> dict[str, str]:
    own = {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", **environment(endpoint)}
    foreign = ("TF_VAR_", "TF_CLI_ARGS", "TF_DATA_DIR", "TF_WORKSPACE", "TF_LOG", "AWS_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, **own}


@dataclass(frozen=True)
class Configuration:
    """A copy of an example in a folder of its own, to be applied to the cloud at `endpoint`.

    `lambda_endpoint` is where the provider finds Lambda.
    """

    terraform: Terraform
    name: str
    folder: Path
    endpoint: str
    lambda_endpoint: str

    @property
    def example(self) -> Path:
        """The example's folder in the copy."""
        return self.folder / "terraform/examples" / self.name

    @staticmethod
    def source(name: str) -> str:
        """An example's text, as it is in the tree."""
        return (EXAMPLES / name / "main.tf").read_text()

    def init(self) -> None:
        """Make the copy, with what reaches the cloud and does without what it cannot do."""
        shutil.copytree(
            TERRAFORM, self.folder / "terraform", ignore=shutil.ignore_patterns(*_PRIVATE)
        )
        shutil.copy(OVERRIDES / "examples.tf", self.example / "moto_override.tf")
        self._override_modules()
        self.run("init", f"-plugin-dir={self.terraform.providers}")

    def _override_modules(self) -> None:
        for path in OVERRIDES.glob("modules/*.tf"):
            module = self.folder / "terraform/modules" / path.stem
            assert module.is_dir(), f"{path}: there is no module {path.stem}"
            shutil.copy(path, module / "moto_override.tf")

    def override(self, text: str) -> None:
        """Change the example in the copy, as a user changes a configuration of their own."""
        (self.example / "user_override.tf").write_text(text)

    def run(self, action: str, *arguments: str) -> str:
        """Run a command of terraform; what it printed. A failure is the test's."""
        done = self._run(action, *arguments)
        assert done.returncode == 0, f"terraform {action}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def apply(self, *arguments: str) -> None:
        """Apply the configuration."""
        self.run("apply", "-auto-approve", "-parallelism=40", *arguments)

    def plan_of_all(self) -> dict[str, Any]:
        """What a plan would do, with all that moto cannot, as `terraform show -json` writes it."""
        for path in self.folder.glob("terraform/modules/*/moto_override.tf"):
            path.unlink()
        try:
            self.run("plan", "-out=plan")
        finally:
            self._override_modules()
        return self._shown("plan")

    def state(self) -> dict[str, Any]:
        """What there is, as `terraform show -json` writes it."""
        return self._shown()

    def outputs(self) -> dict[str, Any]:
        """The outputs' values."""
        found = json.loads(self.run("output", "-json"))
        return {name: each["value"] for name, each in found.items()}

    def destroy(self, *arguments: str) -> None:
        """Destroy all that the state knows."""
        self.run("destroy", "-auto-approve", "-parallelism=40", *arguments)

    def _shown(self, *arguments: str) -> dict[str, Any]:
        shown: dict[str, Any] = json.loads(self.run("show", "-json", *arguments))
        return shown

    def _run(self, action: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        asks = {"init", "apply", "plan", "destroy"}
        surroundings = {
            **_environment(self.endpoint),
            "AWS_ENDPOINT_URL_LAMBDA": self.lambda_endpoint,
        }
        command = [*self.terraform.command, f"-chdir={self.example}", action, "-no-color"]
        command += ["-input=false"] if action in asks else []
        # An apply takes minutes; meanwhile whoever waits for it may read here how far it is.
        said = self.folder / f"{action}.log"
        with said.open("w") as stdout:
            done = subprocess.run(
                [*command, *arguments],
                env=surroundings,
                stdout=stdout,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        done.stdout = said.read_text()
        return done


# -- what a state or a plan says ------------------------------------------------------


def resources(shown: Mapping[str, Any], kind: str = "") -> list[Resource]:
    """All managed resources of a state or a plan (of one type, if named)."""
    values = shown.get("planned_values") or shown.get("values") or {}
    found = [each for each in _walked(values.get("root_module", {})) if each["mode"] == "managed"]
    return [each for each in found if not kind or each["type"] == kind]


def one(shown: Mapping[str, Any], kind: str, name: str = "", within: str = "") -> Resource:
    """The only resource of a type (and a name, in a module)."""
    found = [
        each
        for each in resources(shown, kind)
        if each["name"] == (name or each["name"]) and within in each["address"]
    ]
    assert len(found) == 1, (kind, name, [each["address"] for each in found])
    return found[0]


def _walked(module: Mapping[str, Any]) -> Iterator[Resource]:
    for each in module.get("resources", ()):
        yield {**each, "values": each.get("values", {})}  # none are known of some
    for child in module.get("child_modules", ()):
        yield from _walked(child)


def changes(plan: Mapping[str, Any]) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """What a plan would change: types with attributes to update, and with other actions.

    An update that only becomes known when it is applied counts as one of its attribute.
    """
    updates, others = set(), set()
    for each in plan["resource_changes"]:
        change, kind = each["change"], each["type"]
        actions = set(change["actions"]) - {"no-op", "read"}
        if actions != {"update"}:
            others |= {(kind, action) for action in actions}
            continue
        before, after = change["before"], change["after"]
        names = {
            name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
        }
        unknown = change.get("after_unknown") or {}
        names |= {name for name, value in unknown.items() if value is True}
        updates |= {(kind, name) for name in names}
    return updates, others
