"""Finds, loads and lists plugins, and opens the components they offer by URL.

A plugin that is broken (it fails to import, misspells a hook, raises in one) is reported
by name and never stops the others; what is wrong with it stands in `Plugins.listing()`.
"""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

import pluggy

from songid import hookspecs
from songid.errors import PluginError, SongidError, UnknownSchemeError
from songid.model import ComponentURL, without_secrets
from songid.plugin_discovery import Found, find, one_line, remedy
from songid.plugin_trace import plugin_trace

logger = logging.getLogger(__name__)

_HOOK_PREFIX = "songid_"
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*\Z")


def _spec_functions() -> dict[str, Callable[..., None]]:
    return {
        name: function
        for name, function in vars(hookspecs).items()
        if name.startswith(_HOOK_PREFIX) and inspect.isfunction(function)
    }


_SPECS = _spec_functions()
OFFERS: Mapping[str, str] = {
    name.removeprefix(_HOOK_PREFIX): name
    for name, function in _SPECS.items()
    if list(inspect.signature(function).parameters) == ["register"]
}
"""Family of components (`stores`) -> the hook that offers them (`songid_stores`)."""
EVENTS: frozenset[str] = frozenset(_SPECS) - frozenset(OFFERS.values())
"""The hooks that observe."""


class PluginStatus(StrEnum):
    """Whether a plugin works; a failed one may still offer what `offers` lists."""

    LOADED = "loaded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PluginRow:
    """One line of `songid plugins`.

    `offers` holds "stores: sqlite, memory" per family, `observes` the names of event
    hooks, `why` what failed, `notes` what is worth knowing (a scheme another plugin won).
    """

    name: str
    version: str
    origin: str
    offers: tuple[str, ...]
    observes: tuple[str, ...]
    status: PluginStatus
    why: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Offer:
    found: Found
    open: Callable[[ComponentURL], Any]


class Plugins:
    """The loaded plugins; made by `load`."""

    def __init__(self, found: Sequence[Found]) -> None:
        self._trace = plugin_trace()
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._offers: dict[str, dict[str, _Offer]] = {family: {} for family in OFFERS}
        self._found: list[Found] = []
        for each in found:
            if each.plugin is None or not self._is_known(each):
                self._found.append(each)
                self._take_in(each)
        self._manager.check_pending()

    # -- components ---------------------------------------------------------------

    def open(self, family: str, url_text: str) -> Any:
        """Open the component `url_text` names, e.g. `open("stores", "sqlite:songs")`.

        Raises UnknownSchemeError where no plugin offers the scheme, what the plugin
        raises where that is a SongidError, and PluginError for anything else.
        """
        offers = self._family(family)
        url = ComponentURL.parse(url_text.strip())
        offer = offers.get(url.scheme)
        if offer is None:
            raise UnknownSchemeError(self._unknown_scheme(family, url))
        shown = str(url)
        try:
            with self._trace.call(f"open {OFFERS[family]}", offer.found.name, url=shown) as came:
                component = offer.open(url)
                came.append(type(component).__name__)
        except SongidError:
            raise
        except ImportError as error:
            raise PluginError(
                f"{shown}: plugin {offer.found.name!r} needs something that is not installed "
                f"({error}); {remedy(error, offer.found)}"
            ) from error
        except Exception as error:
            raise PluginError(
                f"{shown}: plugin {offer.found.name!r} could not open it "
                f"({type(error).__name__}: {without_secrets(str(error))})"
            ) from error
        if component is None:
            raise PluginError(f"{shown}: plugin {offer.found.name!r} opened nothing (None)")
        return component

    def schemes(self, family: str) -> list[str]:
        """The schemes that can be opened in a family, sorted."""
        return sorted(self._family(family))

    # -- events -------------------------------------------------------------------

    def observes(self, hook_name: str) -> bool:
        """Whether any plugin implements an event hook."""
        return bool(self._implementations(hook_name))

    def notify(self, hook_name: str, **arguments: Any) -> None:
        """Call every plugin's implementation of an event hook, each on its own.

        What one raises is logged and never reaches the caller or stops the rest.
        """
        if hook_name not in EVENTS:
            raise ValueError(f"{hook_name!r} is not an event hook: {', '.join(sorted(EVENTS))}")
        expected = inspect.signature(_SPECS[hook_name]).parameters
        if arguments.keys() != expected.keys():
            raise TypeError(f"{hook_name} takes {', '.join(expected)}")
        for implementation in reversed(self._implementations(hook_name)):
            name = str(implementation.plugin_name)
            given = {each: arguments[each] for each in implementation.argnames}
            try:
                with self._trace.call(hook_name, name, **given):
                    _call(implementation, arguments)
            except Exception:
                logger.exception("plugin %r raised in %s; the others go on", name, hook_name)

    # -- listing ------------------------------------------------------------------

    def listing(self) -> list[PluginRow]:
        """Every plugin that was found, in order of precedence, working or not."""
        return [self._row(found) for found in self._found]

    def _row(self, found: Found) -> PluginRow:
        offers = []
        for family, by_scheme in self._offers.items():
            mine = sorted(scheme for scheme, offer in by_scheme.items() if offer.found is found)
            if mine:
                offers.append(f"{family}: {', '.join(mine)}")
        observes = tuple(
            name
            for name in _SPECS
            if name in EVENTS
            and any(each.plugin is found.plugin for each in self._implementations(name))
        )
        return PluginRow(
            name=found.name,
            version=found.version,
            origin=found.origin,
            offers=tuple(offers),
            observes=observes,
            status=PluginStatus.FAILED if found.failures else PluginStatus.LOADED,
            why="; ".join(found.failures),
            notes=tuple(found.notes),
        )

    # -- loading ------------------------------------------------------------------

    def _is_known(self, found: Found) -> bool:
        return any(each.plugin is found.plugin for each in self._found)

    def _take_in(self, found: Found) -> None:
        """Register a plugin and collect what it offers; write down whatever fails."""
        if found.plugin is None:
            return
        try:
            found.failures.extend(_hook_problems(self._manager, found.plugin))
            if found.failures:
                return
            self._manager.register(found.plugin, f"{found.name} ({found.origin})")
        except Exception as error:
            if self._manager.is_registered(found.plugin):
                self._manager.unregister(found.plugin)
            found.failures.append(one_line(error))
            return
        for family, hook_name in OFFERS.items():
            for implementation in self._implementations(hook_name):
                if implementation.plugin is found.plugin:
                    self._collect(found, family, hook_name, implementation)

    def _collect(
        self, found: Found, family: str, hook_name: str, implementation: pluggy.HookImpl
    ) -> None:
        def register(scheme: str, open: Callable[[ComponentURL], Any]) -> None:
            _check_offer(scheme, open)
            came.append(scheme)
            earlier = self._offers[family].get(scheme)
            if earlier is None:
                self._offers[family][scheme] = _Offer(found, open)
                return
            note = f"{family}: {scheme!r} is offered by"
            found.notes.append(f"{note} {earlier.found.name!r} too, which is used")
            if earlier.found is not found:
                earlier.found.notes.append(f"{note} {found.name!r} too; this one is used")

        came: list[str] = []
        try:
            with self._trace.call(hook_name, found.name) as came:
                _call(implementation, {"register": register})
        except Exception as error:
            found.failures.append(f"{hook_name} raised {type(error).__name__}: {one_line(error)}")

    def _implementations(self, hook_name: str) -> list[pluggy.HookImpl]:
        caller: pluggy.HookCaller = getattr(self._manager.hook, hook_name)
        return caller.get_hookimpls()

    # -- words --------------------------------------------------------------------

    def _family(self, family: str) -> dict[str, _Offer]:
        try:
            return self._offers[family]
        except KeyError:
            raise ValueError(f"{family!r} is not one of {', '.join(OFFERS)}") from None

    def _unknown_scheme(self, family: str, url: ComponentURL) -> str:
        installed = self.schemes(family)
        close = get_close_matches(url.scheme, installed, n=1)
        guess = f" Did you mean {close[0]!r}?" if close else ""
        failed = [found.name for found in self._found if found.failures]
        broken = f" Failed to load: {', '.join(failed)}; see `songid plugins`." if failed else ""
        return (
            f"{str(url)!r}: there is no {url.scheme!r} among the "
            f"{family.replace('_', ' ')} of the installed plugins.{guess} "
            f"Installed: {', '.join(installed) or 'none'}.{broken}"
        )


def load(extra: Sequence[str] = ()) -> Plugins:
    """Load every installed plugin, and those `extra` names.

    `extra` holds module names, paths of .py files and folders of such. Where two plugins
    offer one scheme the first wins: those of `extra` in their order, then installed ones
    by name, then the shipped ones, so that a user can replace what is shipped.
    """
    return Plugins(find(extra))


def _hook_problems(manager: pluggy.PluginManager, plugin: object) -> list[str]:
    """Hooks that would never be called: misspelt, unmarked, or wrapping others."""
    problems = []
    for attribute in dir(plugin):
        options = manager.parse_hookimpl_opts(plugin, attribute)
        name = (options.get("specname") or attribute) if options else attribute
        if options is None:
            if name in _SPECS and _is_own_function(plugin, attribute):
                problems.append(f"{name} is not marked with @songid.hookspecs.hookimpl")
        elif name not in _SPECS and not options["optionalhook"]:
            close = get_close_matches(name, _SPECS, n=1)
            guess = f"did you mean {close[0]}?" if close else f"there are {', '.join(_SPECS)}"
            problems.append(f"unknown hook {name}: {guess}")
        elif options["wrapper"] or options["hookwrapper"]:
            problems.append(f"{name} is a hook wrapper; each hook is called on its own")
    return problems


def _is_own_function(plugin: object, attribute: str) -> bool:
    value = inspect.getattr_static(plugin, attribute, None)
    return inspect.isfunction(value) and value.__module__ == getattr(plugin, "__name__", "")


def _check_offer(scheme: object, open: object) -> None:
    if not isinstance(scheme, str) or not _SCHEME.match(scheme):
        raise PluginError(f"{scheme!r} is not a scheme (lower-case letters, digits, '+', '.', '-')")
    if not callable(open):
        raise PluginError(f"{scheme!r} is registered with {open!r}, which cannot be called")


def _call(implementation: pluggy.HookImpl, arguments: Mapping[str, Any]) -> None:
    implementation.function(*[arguments[name] for name in implementation.argnames])
