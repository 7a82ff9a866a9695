"""Finds plugins: entry points of installed distributions, and what a setting names.

Importing strangers' code may raise anything, so each is loaded on its own and what goes
wrong is written down with it.
"""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, EntryPoints, entry_points

from songid.hookspecs import PROJECT
from songid.plugin_files import load_from_setting

logger = logging.getLogger(__name__)

ENTRY_POINT_GROUP = PROJECT
OWN_DISTRIBUTION = "songid-airplay"


@dataclass
class Found:
    """A plugin as it was found; `failures` and `notes` grow while it is taken in."""

    name: str
    origin: str
    version: str = ""
    shipped: bool = False
    plugin: object | None = None
    requires: Sequence[str] = ()
    distribution: str = ""
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def find(extra: Sequence[str] = ()) -> list[Found]:
    """Load all plugins: those of `extra` in their order, installed ones, shipped ones."""
    found = [
        Found(name=each.name, origin=each.origin, version=each.version, plugin=each.module)
        if each.module is not None
        else Found(name=each.name, origin=each.origin, failures=[each.failure])
        for text in extra
        for each in load_from_setting(text)
    ]
    installed = [_from_entry_point(point) for point in _entry_points()]
    return found + sorted(installed, key=lambda each: (each.shipped, each.name))


def remedy(error: ImportError, found: Found) -> str:
    """Which extra of the plugin's distribution brings the missing module."""
    missing = (error.name or "").partition(".")[0]
    wanted = re.sub(r"[-_.]+", "-", missing).lower()
    for requirement in found.requires:
        name = re.match(r"[A-Za-z0-9._-]+", requirement)
        extra = re.search(r"extra\s*==\s*['\"]([^'\"]+)['\"]", requirement)
        if name and extra and re.sub(r"[-_.]+", "-", name[0]).lower() == wanted:
            return f"pip install '{found.distribution}[{extra[1]}]'"
    if missing:
        return f"install the package that brings the Python module {missing!r}"
    return "install what it asks for"


def one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _entry_points() -> Iterator[EntryPoint]:
    try:
        points = entry_points(group=ENTRY_POINT_GROUP)
    except Exception:  # another distribution's metadata that cannot be read
        logger.exception("the installed plugins cannot be listed")
        points = EntryPoints()
    yield from points


def _from_entry_point(point: EntryPoint) -> Found:
    """Load one entry point; importing strangers' code may raise anything."""
    found = Found(name=point.name, origin=point.value)
    try:
        if point.dist is not None:
            found.distribution = point.dist.name
            found.version = point.dist.version
            found.requires = point.dist.requires or ()
            found.origin = f"{point.dist.name}: {point.value}"
            found.shipped = point.dist.name == OWN_DISTRIBUTION
        found.plugin = point.load()
        if inspect.isclass(found.plugin):
            found.plugin = None
            found.failures.append(f"{point.value} is a class; name a module or an instance")
    except (Exception, SystemExit) as error:
        found.failures.append(f"cannot be loaded: {type(error).__name__}: {one_line(error)}")
    return found
