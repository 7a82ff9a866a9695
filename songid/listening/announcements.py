"""Announcing what the journal says: heard, play started, play ended, each once in effect.

Events are derived from the journal again each time; what makes them go out once is a
claim for each event and sink, completed when the sink has taken it. Whoever dies in
between leaves an open claim that runs out, and the event is sent again under its old id.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from songid.interfaces import Sink, Store
from songid.listening.chains import clock_s
from songid.listening.plays import plays
from songid.listening.rules import PlayRules
from songid.model import Event, EventKind, Heard, Play, Recording
from songid.results import heard_event, play_event

log = logging.getLogger(__name__)

_LEASE_S = 60.0
_CELL_S = 20.0
_CLAIMED_UNASKED = 2
"""So few events are claimed at once: a claim on what is completed fails, and says the same."""
_REMEMBERED = 50_000
HORIZON = timedelta(hours=2)
"""As far around the heards to be announced the journal is read at most."""
_NEAR = timedelta(minutes=8)
"""As far it is read first, for most plays are shorter, and a store may charge for reading."""
_FARTHER = 4
_MARGIN = timedelta(minutes=10)
"""Plays that were over this long before may have an end that was not announced yet."""
_EVERYTHING: Mapping[str, frozenset[EventKind]] = {}

Keys = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Announced:
    """What became of events: taken by sinks now, or still waiting (a sink refused one, or
    another process has it in hand) and to be announced again."""

    delivered: int = 0
    waiting: int = 0

    def __add__(self, other: Announced) -> Announced:
        return Announced(self.delivered + other.delivered, self.waiting + other.waiting)


class Announcer:
    """Sends a station's events to sinks; `sinks` by a name that stays the same over restarts.

    `only` holds, for a sink that does not want every kind of event, the kinds it wants.
    """

    def __init__(
        self,
        store: Store,
        sinks: Mapping[str, Sink],
        rules: PlayRules,
        recordings: Callable[[Sequence[str]], Mapping[str, Recording]],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        only: Mapping[str, frozenset[EventKind]] = _EVERYTHING,
        lease_s: float = _LEASE_S,
    ) -> None:
        self._store = store
        self._only = only
        self._lease_s = lease_s
        self._sinks = sinks
        self._rules = rules
        self._recordings = recordings
        self._clock = clock
        self._owner = secrets.token_hex(8)
        self._done: set[str] = set()

    def announce(
        self, station: str, start: datetime, end: datetime, *, ended_by: datetime | None = None
    ) -> Announced:
        """Announce what heards in [start, end) gave, and plays around them.

        A play has ended when the station was heard, or `ended_by` says the clock has gone,
        further than a play can bridge.
        """
        if not self._sinks:
            return Announced()
        journal, found, recordings = self._around(station, start, end, _NEAR)
        if not journal:
            return Announced()
        over = max(heard.end for heard in journal)
        if ended_by is not None:
            over = max(over, ended_by)
        bridge = timedelta(seconds=self._rules.bridge_s)
        over -= bridge
        # The end of an earlier play is sure only by what was heard after it, however much later.
        before = max((heard.end for heard in journal if heard.start < start), default=start)
        since = min(start, before) - bridge - _MARGIN
        events = [
            *(_heard(heard, recordings) for heard in journal if start <= heard.start < end),
            *(
                event
                for play in found
                if play.end >= since
                for event in _play(play, recordings.get(play.recording_id), ended=play.end < over)
            ),
        ]
        announced = [self._deliver(name, sink, events) for name, sink in self._sinks.items()]
        return sum(announced, Announced())

    def _around(
        self, station: str, start: datetime, end: datetime, reach: timedelta
    ) -> tuple[list[Heard], list[Play], Mapping[str, Recording]]:
        """The journal around [start, end), its plays, and their recordings.

        It is read so far that no play that may be announced is cut off at either end.
        """
        first, last = start - reach, end + reach
        journal = self._store.heards(station, first, last)
        ids = sorted({match.recording_id for heard in journal for match in heard.matches})
        recordings = self._recordings(ids)
        durations_s = {key: recording.duration_s for key, recording in recordings.items()}
        found = plays(journal, self._rules, durations_s=durations_s)
        near = timedelta(seconds=self._rules.bridge_s) + _MARGIN / 10
        cut = any(play.start < first + near or play.end > last - near for play in found)
        # What was heard last before, however long ago, may have ended only now.
        alone = not any(heard.start < start for heard in journal)
        if reach < HORIZON and (cut or alone):
            return self._around(station, start, end, min(HORIZON, _FARTHER * reach))
        return journal, found, recordings

    def _deliver(self, name: str, sink: Sink, events: Sequence[tuple[Keys, Event]]) -> Announced:
        """Send events to one sink; one that fails is tried again at the next announcement."""
        wanted = self._only.get(name)
        claims = [
            (tuple(f"{key}@{name}" for key in keys), event)
            for keys, event in events
            if wanted is None or event.kind in wanted
        ]
        claims = [(keys, event) for keys, event in claims if not self._done.intersection(keys)]
        if len(claims) > _CLAIMED_UNASKED:
            self._remember([key for keys, _ in claims for key in keys])
            claims = [(keys, event) for keys, event in claims if not self._done.intersection(keys)]
        delivered = 0
        left: list[Keys] = []
        for number, (keys, event) in enumerate(claims):
            if not self._store.claim(keys, self._owner, self._lease_s, self._clock()):
                left.append(keys)
                continue
            try:
                sink.send(event)
            except Exception as error:
                self._store.release(keys, self._owner)
                log.warning(
                    "sink %s did not take %s (%s: %s); it is tried again later",
                    name,
                    event.event_id,
                    type(error).__name__,
                    error,
                )
                # The others would wait for the same trouble.
                left += [keys for keys, _ in claims[number:]]
                break
            if self._store.complete(keys, self._owner, self._clock()):
                self._done.update(keys)
            delivered += 1
        if left:
            self._remember([key for keys in left for key in keys])
        return Announced(delivered, sum(not self._done.intersection(keys) for keys in left))

    def _remember(self, keys: Sequence[str]) -> None:
        """Learn which keys are completed: for good, so none need be asked for again."""
        if len(self._done) > _REMEMBERED:
            self._done.clear()
        self._done |= self._store.completed(keys)


def _heard(heard: Heard, recordings: Mapping[str, Recording]) -> tuple[Keys, Event]:
    key = f"heard:{heard.station}:{heard.start.astimezone(UTC).isoformat()}"
    return (key,), heard_event(_event_id(key), heard, recordings)


def _play(play: Play, recording: Recording | None, *, ended: bool) -> list[tuple[Keys, Event]]:
    kinds = [EventKind.PLAY_STARTED] + ([EventKind.PLAY_ENDED] if ended else [])
    result = []
    for kind in kinds:
        keys = tuple(f"{kind.value}:{key}" for key in play_keys(play, recording))
        result.append((keys, play_event(_event_id(keys[0]), kind, play, recording)))
    return result


def play_keys(play: Play, recording: Recording | None) -> Keys:
    """Two keys of a play, at least one of which stays the same as the play is known better.

    A play is known by when its recording's beginning aired (would have aired), which no
    late segment changes by more than a second or two. Two grids of that time, half a cell
    apart, cannot both have a border in between.
    """
    beginning_s = clock_s(play.start) - play.offset_s / play.warp.tempo
    length_s = recording.duration_s if recording else 0.0
    cell_s = min(_CELL_S, max(6.0, length_s / 2)) if length_s else _CELL_S
    return tuple(
        f"{play.station}:{play.recording_id}:{grid}{int((beginning_s + shift) // cell_s)}"
        for grid, shift in (("a", 0.0), ("b", cell_s / 2))
    )


def _event_id(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:32]
