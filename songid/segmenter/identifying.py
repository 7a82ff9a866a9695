"""Hears segments at once, in the process that cut them, and tells of plays.

The way is the one of every segment: heard, journal, announcements. What is told here is
claimed first like any sink's event, so a restart tells nothing twice.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Mapping
from typing import Any

from songid.app import App
from songid.errors import AudioError
from songid.listening.announcements import Announcer
from songid.model import Event, EventKind, Heard
from songid.settings import Settings
from songid.stations import parse_segment_name

OnPlay = Callable[[Mapping[str, Any]], None]

_SINK = "listen"
_PLAYS = frozenset({EventKind.PLAY_STARTED, EventKind.PLAY_ENDED})
_MOST_UNANNOUNCED = 600


class HearingTaker:
    """Takes segments by hearing them; notes of gaps and titles are nobody's here."""

    def __init__(self, settings: Settings, on_play: OnPlay) -> None:
        self._app = App(settings)
        self._telling = Announcer(
            self._app.store,
            {_SINK: _Telling(on_play)},
            self._app.play_rules,
            self._app.recordings_by_id,
            self._app.clock,
            only={_SINK: _PLAYS},
            lease_s=settings.scheduler.lease_s,
        )
        # What cannot be opened is to be known before anything is heard.
        _ = self._app.listener, self._app.announcer
        self._unannounced: list[Heard] = []
        self._last: list[Heard] = []
        self._heard_at = time.monotonic()

    def take(self, name: str, content: bytes) -> None:
        """Hear a segment, write it to the journal and announce what it tells."""
        parsed = parse_segment_name(name)
        if name.endswith(".json") or parsed is None or parsed.time is None:
            return
        try:
            with self._app.open_audio(io.BytesIO(content), name) as audio:
                heards = self._app.hear(audio, parsed.station, parsed.time, f"stream:{name}")
        except AudioError:
            return  # too short or damaged: it will not be better the next time
        if heards:
            self._last, self._heard_at = heards, time.monotonic()
            self._announce(heards)

    def idle(self) -> None:
        """When nothing has come for long, the last play is over."""
        quiet = time.monotonic() - self._heard_at >= self._app.settings.scheduler.quiet_s
        if quiet and self._last:
            last, self._last = self._last, []
            self._app.announce(last, ended_by=self._app.clock())
            first, end = last[0].start, last[-1].end
            self._telling.announce(last[0].station, first, end, ended_by=self._app.clock())

    def close(self) -> None:
        """Release the store and the sinks."""
        self._app.close()

    def _announce(self, heards: list[Heard]) -> None:
        heards = [*self._unannounced, *heards][-_MOST_UNANNOUNCED:]
        waiting = self._app.announce(heards).waiting
        self._telling.announce(heards[0].station, heards[0].start, heards[-1].end)
        self._unannounced = heards if waiting else []


class _Telling:
    """A sink that hands documents to a function."""

    def __init__(self, on_play: OnPlay) -> None:
        self._on_play = on_play

    def send(self, event: Event) -> None:
        self._on_play(event.document)

    def close(self) -> None:
        """Nothing is held."""
