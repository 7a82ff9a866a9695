"""What of the installed packages neither the function needs nor `songid listen`, which its
image also runs, and is left out of it.

Everything here is held by tests: what is left imports, makes its clients and hears a
segment, for both architectures.
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

PACKAGES = (
    # The scheduler of `songid run`.
    "apscheduler",
    "tzlocal",
    # Cutting clips, as the demo does.
    "audioop-lts",
    "pydub",
    # Clients are made with botocore itself, which imports in half the time.
    "boto3",
    "s3transfer",
)
"""Locked packages that are not installed at all."""

OWN = (
    "songid/audio/clips.py",
    "songid/demo",
    "songid/scheduler.py",
    "songid/testing",
)
"""Parts of songid that need one of `PACKAGES`, or pytest; a command that needs one says so."""

AWS_SERVICES = ("dynamodb", "rds", "s3", "secretsmanager", "sns", "sqs", "sts")
"""Services whose models the clients need, of the more than 400 that botocore describes."""

# Relative to the layout; `*` also stands for `/`. A part of a package named on the command
# line as whole is spared.
_NEVER = (
    "bin",
    "*.pyi",
    "*.pyx",
    "*.pxd",
    "*.c",
    "*.h",
    "*.pyc",
    "*/__pycache__",
    # Written by the installer: times, paths of the machine that built it.
    "*.dist-info/INSTALLER",
    "*.dist-info/RECORD",
    "*.dist-info/REQUESTED",
    "*.dist-info/direct_url.json",
    "*.dist-info/uv_*.json",
)
_OF_PACKAGES = (
    "numpy/*/tests",
    "numpy/tests",
    "numpy/distutils",
    "numpy/_core/include",
    "numpy/_core/lib",
    "numpy/random/_examples",
    "numpy/random/lib",
    "botocore/data/*/examples-1.json",
    "simplejson/tests",
    "scipy.libs",
)
# numpy.testing imports this one of its tests, and SciPy imports numpy.testing.
_SPARED = ("numpy/_core/tests/__init__.py", "numpy/_core/tests/_natype.py")

SCIPY_KEPT = ("scipy/__init__.py", "scipy/version.py", "scipy/fft/_*fft/py*fft.*.so")
"""All that `songid.audio.fourier` loads of SciPy; the first of each pattern must be there."""


class NothingLeft(Exception):
    """A package no longer has what the function needs of it; this table must be looked at."""


def leave_out(folder: Path, whole: Iterable[str] = ()) -> None:
    """Delete from a folder of installed packages what the function never needs.

    Nothing of the packages (their folders' names) in `whole` is deleted, but for what an
    installer or a compiler wrote. NothingLeft if a package has changed its form.
    """
    spared = frozenset(whole)
    for pattern in (*_NEVER, *OWN):
        _delete(folder, pattern)
    for pattern in _OF_PACKAGES:
        if pattern.partition("/")[0].removesuffix(".libs") not in spared:
            _delete(folder, pattern)
    if "botocore" not in spared:
        _keep_services(folder / "botocore" / "data")
    if "scipy" not in spared:
        _keep_only(folder, "scipy", SCIPY_KEPT)


def _delete(folder: Path, pattern: str) -> None:
    for path in list(_matching(folder, pattern)):
        if path.is_dir():
            _delete_tree(folder, path)
        else:
            path.unlink(missing_ok=True)


def _delete_tree(folder: Path, tree: Path) -> None:
    if not any(name.startswith(f"{tree.relative_to(folder)}/") for name in _SPARED):
        shutil.rmtree(tree, ignore_errors=True)
        return
    for path in _files(tree):
        if str(path.relative_to(folder)) not in _SPARED:
            path.unlink()
    _delete_empty(tree)


def _matching(folder: Path, pattern: str) -> Iterator[Path]:
    if not any(character in pattern for character in "*?["):
        path = folder / pattern
        if path.exists():
            yield path
        return
    for path in sorted(folder.rglob("*")):
        if fnmatchcase(str(path.relative_to(folder)), pattern):
            yield path


def _keep_services(data: Path) -> None:
    """Keep the models of `AWS_SERVICES` and, of these and the endpoints, what clients read.

    Half the time in which a process makes its first client goes into parsing them, and most
    of what is parsed documents them.
    """
    missing = [name for name in AWS_SERVICES if not (data / name).is_dir()]
    if missing:
        raise NothingLeft(f"botocore has no model of {', '.join(missing)} in {data}")
    for path in data.iterdir():
        if path.is_dir() and path.name not in AWS_SERVICES:
            shutil.rmtree(path)
    for path in sorted(data.rglob("*.json.gz")):
        _write_json(
            path.with_suffix(""), _undocumented(json.loads(gzip.decompress(path.read_bytes())))
        )
        path.unlink()
    endpoints = json.loads((data / "endpoints.json").read_bytes())
    for partition in endpoints["partitions"]:
        services = partition["services"]
        partition["services"] = {key: services[key] for key in AWS_SERVICES if key in services}
    _write_json(data / "endpoints.json", endpoints)


def _undocumented(model: Any) -> Any:
    """A service's model with empty texts; a member named `documentation` is no text."""
    if isinstance(model, dict):
        return {
            key: "" if key == "documentation" and isinstance(value, str) else _undocumented(value)
            for key, value in model.items()
        }
    if isinstance(model, list):
        return [_undocumented(value) for value in model]
    return model


def _write_json(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document, separators=(",", ":")), encoding="utf-8")


def _keep_only(folder: Path, package: str, patterns: Iterable[str]) -> None:
    """Keep the files of a package that match, and its licences."""
    files = {str(path.relative_to(folder)): path for path in _files(folder / package)}
    kept = {name for name in files if Path(name).name.upper().startswith("LICENSE")}
    for pattern in patterns:
        matching = {name for name in files if fnmatchcase(name, pattern)}
        if not matching:
            raise NothingLeft(f"{package} has no {pattern} any more")
        kept |= matching
    for name, path in files.items():
        if name not in kept:
            path.unlink()
    _delete_empty(folder / package)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if not path.is_dir())


def _delete_empty(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
