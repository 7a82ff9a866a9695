"""Passes over an inbox: what is new in it is indexed, checked and heard, in that order.

Songs come first, all of them, so that what came together with a station's audio is known
when that is listened to; one failing item never stops the others.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import zip_longest

from songid.app import App
from songid.catalogue.indexing import Outcome
from songid.interfaces import Source
from songid.jobs.items import check_item, index_items, leases_of, of_kind
from songid.jobs.leases import Leases
from songid.jobs.outcomes import JobOutcome, JobResult, Terms, job_key
from songid.jobs.segments import hear_items
from songid.model import AudioItem, Job

log = logging.getLogger(__name__)

_SEGMENTS_AT_ONCE = 25
_FIRST_PAUSE_S = 5.0
_LONGEST_PAUSE_S = 600.0
_MOST_TRIES = 4
_EVER = datetime.min.replace(tzinfo=UTC)

Span = tuple[datetime, datetime]


def wider(span: Span | None, other: Span) -> Span:
    """The span that covers both."""
    return other if span is None else (min(span[0], other[0]), max(span[1], other[1]))


@dataclass(slots=True)
class _Tally:
    """The numbers of a pass while it is under way."""

    indexed: int = 0
    already_there: int = 0
    checked: int = 0
    segments: int = 0
    refused: int = 0
    later: int = 0

    def add(self, result: JobResult) -> None:
        """Count one result."""
        if result.outcome is JobOutcome.REFUSED:
            self.refused += 1
        elif result.outcome is JobOutcome.LATER:
            self.later += 1
        elif result.outcome is JobOutcome.DONE:
            self._add_done(result)

    def _add_done(self, result: JobResult) -> None:
        if result.item.job is Job.CHECK:
            self.checked += 1
        elif result.item.job is Job.SEGMENT:
            self.segments += 1
        elif result.indexed and result.indexed.outcome is Outcome.SKIPPED:
            self.already_there += 1
        else:
            self.indexed += 1


@dataclass(frozen=True, slots=True)
class InboxPass:
    """What one pass did; `stopped`: it was asked to end early."""

    listed: int = 0
    indexed: int = 0
    already_there: int = 0
    checked: int = 0
    segments: int = 0
    refused: int = 0
    later: int = 0
    stopped: bool = False

    def __str__(self) -> str:
        """The pass in a line; empty if it did nothing."""
        parts = (
            (self.indexed, "indexed"),
            (self.already_there, "already in the catalogue"),
            (self.checked, "checked"),
            (self.segments, "segments heard"),
            (self.refused, "refused"),
            (self.later, "left for later"),
        )
        return ", ".join(f"{number} {what}" for number, what in parts if number)


@dataclass(slots=True)
class InboxMemory:
    """What a process knows of an inbox between passes: what is finished, what failed when.

    `arrived` are the stations heard since somebody last emptied it; `unannounced` the
    starts of their first and last heard with events that sinks have not all taken.
    """

    finished: set[str] = field(default_factory=set)
    failures: dict[str, tuple[int, float]] = field(default_factory=dict)
    arrived: set[str] = field(default_factory=set)
    unannounced: dict[str, Span] = field(default_factory=dict)

    def due(self, key: str) -> bool:
        """Whether something that failed is to be tried again by now."""
        return key not in self.failures or time.monotonic() >= self.failures[key][1]

    def last_try(self, item: AudioItem) -> bool:
        """Whether another failure of songid's own is taken for the item's."""
        return self.failures.get(job_key(item), (0, 0.0))[0] >= _MOST_TRIES - 1

    def note(self, result: JobResult) -> None:
        """Remember what became of an item."""
        key = job_key(result.item)
        for heard in result.heards:
            self.arrived.add(heard.station)
            if result.waiting:
                span = self.unannounced.get(heard.station)
                self.unannounced[heard.station] = wider(span, (heard.start, heard.start))
        if result.outcome in (JobOutcome.DONE, JobOutcome.REFUSED):
            self.finished.add(key)
            self.failures.pop(key, None)
        else:
            # In somebody's hands is asked again as soon as a first failure is.
            failed = result.outcome is JobOutcome.LATER
            tries = self.failures.get(key, (0, 0.0))[0] + failed
            pause_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** max(0, tries - 1))
            self.failures[key] = (tries, time.monotonic() + (pause_s if failed else 1.0))

    def forget_all_but(self, keys: set[str]) -> None:
        """Forget items that are no longer there."""
        self.finished &= keys
        for key in self.failures.keys() - keys:
            del self.failures[key]


def process_inbox(
    app: App,
    source: Source,
    memory: InboxMemory | None = None,
    *,
    stop: Callable[[], bool] = lambda: False,
) -> InboxPass:
    """Do what is new in an inbox; `stop` is asked between items and ends it early.

    StoreError if the store fails: that would meet every item, so none is tried further.
    """
    memory = InboxMemory() if memory is None else memory
    listed = {job_key(item): item for item in source.items()}
    memory.forget_all_but(set(listed))
    unsure = [key for key in listed if key not in memory.finished and memory.due(key)]
    memory.finished |= app.store.completed(unsure) if unsure else set()
    todo = [listed[key] for key in unsure if key not in memory.finished]
    tally = _Tally()
    if todo:
        with leases_of(app) as leases:
            for result in _work(app, source, todo, leases, memory, stop):
                memory.note(result)
                _tell(result)
                tally.add(result)
    return InboxPass(
        listed=len(listed),
        indexed=tally.indexed,
        already_there=tally.already_there,
        checked=tally.checked,
        segments=tally.segments,
        refused=tally.refused,
        later=tally.later,
        stopped=stop(),
    )


def _work(
    app: App,
    source: Source,
    todo: Sequence[AudioItem],
    leases: Leases,
    memory: InboxMemory,
    stop: Callable[[], bool],
) -> Iterator[JobResult]:
    terms = Terms(stop=stop, last_try=memory.last_try)
    for some in _slices(of_kind(todo, Job.INDEX), app.settings.index.batch_recordings):
        if stop():
            return
        for result in index_items(app, source, some, leases):
            yield result
            if stop():
                return
    for item in sorted(of_kind(todo, Job.CHECK), key=lambda item: item.modified_at or _EVER):
        if stop():
            return
        yield check_item(app, source, item, leases, terms)
    for some in _segments_in_turn(of_kind(todo, Job.SEGMENT)):
        if stop():
            return
        yield from hear_items(app, source, some, leases, terms)


def _segments_in_turn(items: Iterable[AudioItem]) -> Iterator[list[AudioItem]]:
    """Some segments of each station in order of time, station by station, until all had."""
    stations: dict[str, list[AudioItem]] = {}
    for item in sorted(items, key=lambda item: item.start or item.modified_at or _EVER):
        stations.setdefault(item.station, []).append(item)
    turns = zip_longest(*(_slices(each, _SEGMENTS_AT_ONCE) for each in stations.values()))
    for turn in turns:
        yield from (some for some in turn if some)


def _slices(items: Sequence[AudioItem], size: int) -> Iterator[list[AudioItem]]:
    for first in range(0, len(items), size):
        yield list(items[first : first + size])


def _tell(result: JobResult) -> None:
    name, note = result.item.name, result.note
    if result.outcome is JobOutcome.REFUSED:
        log.warning("%s: %s; it is not tried again", name, note)
    elif result.outcome is JobOutcome.LATER:
        log.warning("%s: %s; it is tried again later", name, note)
    elif result.outcome is JobOutcome.DONE:
        what = result.indexed.outcome.value if result.indexed else result.item.job.value
        level = logging.DEBUG if result.item.job is Job.SEGMENT and not note else logging.INFO
        log.log(level, "%s: %s%s", name, what, f" ({note})" if note else "")
