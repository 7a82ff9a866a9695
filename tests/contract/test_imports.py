"""The direction of imports, as pyproject.toml declares it."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_imports_run_one_way() -> None:
    """A new module of `songid` needs its place among the layers in pyproject.toml."""
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_shipped_component_is_held_apart_from_its_siblings() -> None:
    """The contract names them one by one, so a new one must be added there."""
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (contract,) = [each for each in linter["contracts"] if "of a family" in each["name"]]
    shipped = (ROOT / "plugins" / "songid_plugins" / "__init__.py").read_text()
    named = {f"songid_plugins.{part.split(chr(34))[0]}" for part in shipped.split('_lazily("')[1:]}
    assert named == set(contract["modules"])


def test_importing_the_engine_imports_no_plugin_and_nothing_of_a_vendor() -> None:
    program = """
import sys, pkgutil, importlib
import songid
for module in pkgutil.walk_packages(songid.__path__, "songid."):
    if not module.name.startswith("songid.testing."):  # the kits need pytest
        importlib.import_module(module.name)
roots = {name.partition(".")[0] for name in sys.modules}
print(sorted(roots & {"songid_plugins", "boto3", "botocore", "psycopg", "pytest", "hypothesis"}))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stdout == "[]\n", done.stdout + done.stderr
