"""What songid itself reads of a sink's URL: which events it is sent, and its lasting name.

Any sink's URL may carry `events=play_started,play_ended`; what is left of it is the plugin's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from songid.errors import SettingsError
from songid.model import EventKind, without_secrets

ANNOUNCED = (EventKind.HEARD, EventKind.PLAY_STARTED, EventKind.PLAY_ENDED)
_OPTION = "events"
_SECRET = "secret"  # the name of an option


@dataclass(frozen=True, slots=True)
class SinkURL:
    """A sink of the settings.

    `name` is what it is known by in the store and in messages, so it holds no secret; the
    events sent to one name are not sent to it again. `text` is opened; None of `only` means
    every kind.
    """

    name: str
    text: str
    only: frozenset[EventKind] | None


def sink_urls(texts: Iterable[str]) -> list[SinkURL]:
    """The sinks that the settings name, each once; SettingsError for an unknown event."""
    found: dict[str, SinkURL] = {}
    for each in map(_sink_url, texts):
        earlier = found.get(each.name, each)
        if earlier.only is None or each.only is None:
            found[each.name] = SinkURL(each.name, each.text, None)
        else:
            found[each.name] = SinkURL(each.name, each.text, earlier.only | each.only)
    return list(found.values())


def _sink_url(text: str) -> SinkURL:
    opened, values = _without(text.strip(), _OPTION)
    kinds = frozenset(_kind(text, word) for value in values for word in value.split(","))
    return SinkURL(_name(opened), opened, kinds if values else None)


def _kind(text: str, word: str) -> EventKind:
    kind = word.strip()
    known = {each.value: each for each in ANNOUNCED}
    if kind in known:
        return known[kind]
    close = get_close_matches(kind, known, n=1)
    meant = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}."
    raise SettingsError(f"sinks: {without_secrets(text)}: there is no event {kind!r}; {meant}")


def _name(text: str) -> str:
    """The URL as it may be shown; a piece of its hash tells those apart that look the same.

    The secret that requests are signed with is not in it: a sink is the same when it changes.
    """
    shown = without_secrets(text)
    if shown == text:
        return text
    digest = hashlib.sha256(_without(text, _SECRET)[0].encode("utf-8", "surrogateescape"))
    return f"{shown} ({digest.hexdigest()[:8]})"


def _without(text: str, option: str) -> tuple[str, list[str]]:
    """A URL less an option, all else as it was written, and the values the option had."""
    head, mark, query = text.partition("?")
    pieces = query.split("&")
    kept = [piece for piece in pieces if piece.partition("=")[0] != option]
    values = [piece.partition("=")[2] for piece in pieces if piece.partition("=")[0] == option]
    if not values:
        return text, []
    return head + (mark + "&".join(kept) if kept else ""), [v.replace("%2C", ",") for v in values]
