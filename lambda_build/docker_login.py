"""Logs Docker in to a registry, with a password that is in no argument and no log."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from repository import Repository


class LoginError(Exception):
    """Docker does not log in; says what it said."""


def log_in(repository: Repository) -> None:
    """Log Docker in to the repository's registry; LoginError if it refuses."""
    if _helper(repository.host) == "ecr-login":
        return  # Amazon's own helper asks for passwords itself, and keeps none.
    password = repository.password()
    done = subprocess.run(
        ["docker", "login", "--username", "AWS", "--password-stdin", repository.host],
        input=password,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().replace(password, "...")
        raise LoginError(f"docker could not log in to {repository.host}: {said}")


def _helper(host: str) -> str:
    """The program that keeps Docker's passwords for a registry; empty if Docker does."""
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return str(config.get("credHelpers", {}).get(host) or config.get("credsStore", ""))
    except (OSError, ValueError, AttributeError):
        return ""
