"""The function's files as the image has them, laid out once for all test processes."""

from __future__ import annotations

import fcntl
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HERE = "arm64" if platform.machine() in {"aarch64", "arm64"} else "x86_64"
"""This machine's architecture, as AWS Lambda calls it."""

PYTHON = (sys.executable, "-S")
"""This Python without its own installed packages."""

_UNREACHED = ("error sending request", "dns error", "could not connect", "Failed to fetch")


def laid_out(architecture: str, factory: pytest.TempPathFactory) -> Path:
    """The layout for this Python's version, with the template's plugin added as a user would.

    Skips the test where packages cannot be had.
    """
    shared = factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent  # one of all workers
    folder, done = shared / f"lambda-{architecture}", shared / f"lambda-{architecture}.done"
    with (shared / f"lambda-{architecture}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            done.write_text(_lay_out(architecture, folder))
    said = done.read_text()
    if any(sign in said for sign in _UNREACHED):
        pytest.skip("the packages of the image cannot be fetched here")
    assert said.splitlines()[-1].startswith("together "), said
    return folder


def _lay_out(architecture: str, folder: Path) -> str:
    if sys.platform != "linux":
        pytest.skip("the wheels that are laid out are Linux's")
    from layout import LayoutError, find_uv  # which is on no path but that of tests

    try:
        uv = find_uv()
    except LayoutError:
        pytest.skip("there is no uv to lay out the image's files with")
    wheels = folder.with_suffix(".wheels")
    said = _said(uv, "build", "--wheel", "--out-dir", wheels, ROOT / "plugins" / "template")
    plugins = folder.with_suffix(".txt")
    plugins.write_text("\n".join(str(wheel) for wheel in wheels.glob("*.whl")))
    script = ROOT / "lambda_build" / "layout.py"
    options = ["--architecture", architecture, "--to", folder, "--plugins", plugins]
    return said + _said(sys.executable, script, *options)


def _said(*command: str | Path) -> str:
    done = subprocess.run(
        command,
        env={"UV_SYSTEM_CERTS": "1", **os.environ},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr + done.stdout


def environment_in(layout: Path, **more: str) -> dict[str, str]:
    """The variables the image sets, with the layout where it lies here."""
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": "/tmp",
        "PYTHONPATH": str(layout),
        "PYTHONNOUSERSITE": "1",
        "PYTHONSAFEPATH": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "PYDANTIC_DISABLE_PLUGINS": "1",
        **more,
    }


def run_in(layout: Path, program: str, **more: str) -> str:
    """What a program prints that is run by this Python with the layout and nothing else."""
    done = subprocess.run(
        [*PYTHON, "-c", program],
        env=environment_in(layout, **more),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
