"""Runs Terraform in a configuration's folder, and says what to do where it fails."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_OLDEST = (1, 9)
_INSTALL = "https://developer.hashicorp.com/terraform/install"
_NEEDS_INIT = re.compile(r"\b(terraform|tofu) init\b")
# What Terraform says of these does not say what to do here.
_HINTS = (
    (
        r"No value for required variable",
        "Give the deployment's name as NAME=..., other variables in a .tfvars file; a variable"
        ' "image" of your own needs `default = null`, for its value is made here',
    ),
    (
        r"RepositoryAlreadyExistsException",
        "A repository of that name is there, but not in this state. If it is another"
        " deployment's, take another name; if a run was killed here, delete it or hand it to"
        " Terraform: terraform import ADDRESS NAME",
    ),
    (
        r"invalid AWS Region",
        "Say in which region of AWS it shall be: export AWS_REGION=...",
    ),
)


class TerraformError(Exception):
    """Terraform is not there or fails; says what to do."""


def find_terraform(folder: Path) -> Terraform:
    """The Terraform that the variable TERRAFORM names, or that is on the PATH, for a folder.

    TerraformError if there is none, or it is older than 1.9.
    """
    named = os.environ.get("TERRAFORM") or "terraform"
    path = shutil.which(named)
    if path is None:
        raise TerraformError(
            f"the image's repository is made by Terraform, and there is no {named} on the PATH;"
            f" install Terraform 1.9 or newer ({_INSTALL}), or say where it is: TERRAFORM=..."
        )
    done = subprocess.run([path, "version", "-json"], capture_output=True, text=True, check=False)
    try:
        version = str(json.loads(done.stdout)["terraform_version"])
        numbers = tuple(int(part) for part in version.split(".")[:2])
    except (ValueError, KeyError, TypeError):
        said = (done.stderr or done.stdout).strip() or "nothing"
        raise TerraformError(f"{path} does not tell its version; it said: {said}") from None
    if numbers < _OLDEST:
        raise TerraformError(
            f"Terraform 1.9 or newer is needed, and {path} is {version}; see {_INSTALL}"
        )
    return Terraform(path, folder)


@dataclass(frozen=True)
class Terraform:
    """Terraform, and the folder of the configuration it works on."""

    command: str
    folder: Path

    def run(self, *arguments: str) -> str:
        """What Terraform answers; it is initialized first where it asks for that."""
        done = self._call(*arguments)
        if done.returncode and _NEEDS_INIT.search(done.stdout + done.stderr):
            say(f"Initializing Terraform in {self.folder} (it fetches its AWS provider) ...")
            self._must(self._call("init", "-input=false"), "init")
            done = self._call(*arguments)
        return self._must(done, arguments[0])

    def _must(self, done: subprocess.CompletedProcess[str], word: str) -> str:
        if not done.returncode:
            return done.stdout
        said = f"{done.stdout}\n{done.stderr}".strip()
        hints = [hint for pattern, hint in _HINTS if re.search(pattern, said)]
        raise TerraformError("\n".join([f"terraform {word} failed:\n{said}", *hints]))

    def _call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        word, *rest = arguments
        return _patiently([self.command, f"-chdir={self.folder}", word, "-no-color", *rest])


def _patiently(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, even where someone presses Ctrl-C.

    Terraform is interrupted as well then, and ends by itself when it has kept its state;
    `subprocess.run` would kill it after a quarter of a second.
    """
    pipe, interrupt = subprocess.PIPE, None
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True
    )
    while True:
        try:
            stdout, stderr = process.communicate()
            break
        except KeyboardInterrupt as error:
            interrupt = error
    if interrupt is not None:
        raise interrupt
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


def say(text: str) -> None:
    """Tell what is being done; standard output is for the image's name alone."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
