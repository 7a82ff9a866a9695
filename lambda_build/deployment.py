"""The deployment that an image is for: a Terraform configuration, and the file it reads.

The image's repository is made before all else, by applying its module alone; the image's
digest is then written to where `terraform apply` takes it from.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repository import Repository
from terraform_command import Terraform, say

VARIABLES = "image.auto.tfvars.json"
"""In the configuration's folder; Terraform reads files of such names by itself."""

_REPOSITORY = "aws_ecr_repository"


class DeploymentError(Exception):
    """The deployment is not as it must be for an image; says what to do."""


@dataclass(frozen=True)
class Deployment:
    """A configuration, and the module in it that has songid (empty: it has it itself).

    name: what the deployment shall be called; empty: what its configuration or its file says.
    """

    terraform: Terraform
    module: str = ""
    name: str = ""

    @property
    def folder(self) -> Path:
        """Where the configuration is."""
        return self.terraform.folder

    @property
    def target(self) -> str:
        """The address of the module that has the repository."""
        return f"{self.module}.module.image" if self.module else "module.image"

    @property
    def next_command(self) -> str:
        """What makes or renews the rest of the deployment."""
        return f"terraform -chdir={self.folder} apply"

    # -- the file that Terraform reads --------------------------------------------------

    def check(self) -> None:
        """DeploymentError unless there is a configuration that may have this name."""
        if not any(self.folder.glob("*.tf")) and not any(self.folder.glob("*.tf.json")):
            raise DeploymentError(f"{self.folder} holds no Terraform configuration (*.tf)")
        if self.module and self.name:
            raise DeploymentError(
                f"the name of {self.module} is what {self.folder} says; leave NAME out"
            )
        known = self.variables().get("name", "")
        if self.name and known not in ("", self.name):
            raise DeploymentError(
                f"{self.folder} deploys {known!r}, as {self.folder / VARIABLES} says. To have"
                f" {self.name!r} beside it, use a configuration in another folder (DIR=...); to"
                f" have it instead, delete that file after `terraform -chdir={self.folder} destroy`"
            )

    def variables(self) -> dict[str, str]:
        """What an earlier run wrote for Terraform; empty if there was none."""
        file = self.folder / VARIABLES
        try:
            document = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise DeploymentError(f"{file} cannot be read ({error}); mend or delete it") from error
        if not isinstance(document, dict):
            raise DeploymentError(f"{file} is no JSON object; mend or delete it")
        return document

    def write(self, image: str, architecture: str) -> None:
        """Have Terraform use this image; the file is the old one or the new one, never half."""
        name = "" if self.module else self.name or self.variables().get("name", "")
        document = {"name": name} if name else {}
        document |= {"image": image, "architecture": architecture}
        if document == self.variables():
            return
        file = self.folder / VARIABLES
        new = file.with_name(f".{VARIABLES}.{os.getpid()}")
        try:
            new.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
            new.replace(file)
        except OSError as error:
            with suppress(OSError):
                new.unlink(missing_ok=True)
            raise DeploymentError(f"{file} cannot be written: {error}") from error

    def missing_variables(self) -> list[str]:
        """The variables in that file that the configuration does not declare."""
        files = [*self.folder.glob("*.tf"), *self.folder.glob("*.tf.json")]
        text = "\n".join(file.read_text(encoding="utf-8") for file in files)
        wanted = ("image", "architecture")
        if any(file.suffix == ".json" for file in files):
            return [name for name in wanted if f'"{name}"' not in text]
        return [name for name in wanted if not re.search(rf'^\s*variable\s+"?{name}\b', text, re.M)]

    # -- the repository -----------------------------------------------------------------

    def last_repository(self) -> Repository | None:
        """The repository that an earlier run pushed to, without asking Terraform."""
        image = self.variables().get("image", "")
        return Repository.at(image.partition("@")[0]) if image else None

    def make_repository(self) -> Repository:
        """Have Terraform make the repository where it is not there yet; nothing else is changed.

        Which one it is, is read from the state, so that the configuration needs no outputs.
        """
        with tempfile.TemporaryDirectory(prefix="songid-image-") as temporary:
            plan = str(Path(temporary) / "plan")
            names = [f"-var=name={self.name}"] if self.name else []
            aim = ["-input=false", f"-target={self.target}", *names]
            self.terraform.run("plan", *aim, f"-out={plan}")
            planned = json.loads(self.terraform.run("show", "-json", plan))
            state = planned.get("prior_state", {})
            changes = self._changes(planned)
            if changes:
                say("\n".join(f"  making {address}" for address in changes))
                self.terraform.run("apply", "-input=false", plan)
                state = json.loads(self.terraform.run("show", "-json"))
        for module in _modules(state.get("values", {}).get("root_module", {})):
            for resource in module.get("resources", ()):
                if (module.get("address"), resource["type"]) == (self.target, _REPOSITORY):
                    return Repository.at(resource["values"]["repository_url"])
        raise DeploymentError(
            f"{self.folder} has no {self.target} with a repository; where songid is a module"
            " of your own configuration, say which: MODULE=module.NAME"
        )

    def _changes(self, plan: Mapping[str, Any]) -> list[str]:
        """The addresses that a plan changes; DeploymentError if these are not the repository's."""
        changed = {
            change["address"]: set(change["change"]["actions"])
            for change in plan.get("resource_changes", ())
            if not set(change["change"]["actions"]) <= {"no-op", "read"}
        }
        lost = [address for address, actions in changed.items() if "delete" in actions]
        if lost:
            raise DeploymentError(
                f"Terraform would delete {', '.join(lost)}, so this is the state of a deployment"
                f" with another name; nothing was changed. Give its name, or use a configuration in"
                " another folder (DIR=...)"
            )
        strangers = [each for each in changed if not each.startswith(f"{self.target}.")]
        if strangers:
            raise DeploymentError(
                f"before the repository Terraform would change {', '.join(strangers)}; that is not"
                f" done unasked: terraform -chdir={self.folder} apply -target={strangers[0]}"
            )
        return sorted(changed)


def _modules(module: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield module
    for child in module.get("child_modules", ()):
        yield from _modules(child)
