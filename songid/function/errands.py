"""A batch's items done: songs together, each station's segments in order, files one by one.

What was delivered before is done alone and after what is new, so that a file on which
the process dies takes no other with it for long.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from songid.app import App
from songid.errors import StoreError
from songid.function.attempts import MOST_DEATHS, attempt, deaths, forget
from songid.function.logs import facts
from songid.interfaces import Source
from songid.jobs.items import check_item, index_items, leases_of, of_kind, refuse_item
from songid.jobs.leases import Leases
from songid.jobs.outcomes import JobOutcome, JobResult, Terms, job_key
from songid.jobs.segments import hear_items
from songid.jobs.untold import tell_or_note
from songid.model import AudioItem, Job

log = logging.getLogger(__name__)

MOST_TRIES = 4
_SONGS_AT_ONCE = 10  # they must be done in the time that is spared at the end
_BYTES_AT_ONCE = 128 * 2**20  # a function's disk has 512 MB unless it is given more
_SEGMENTS_AT_ONCE = 25
_AT_ONCE_S = 0.05
_EVER = datetime.min.replace(tzinfo=UTC)
_DEADLY = (
    f"{MOST_DEATHS} processes died at it: it crashes the decoder, or takes more time or memory"
    " than the function has"
)


@dataclass(slots=True)
class Errand:
    """An item to be done and the messages that asked for it.

    `told`: the notice that told of it. `windows`: where it goes on, if it was paused.
    """

    item: AudioItem
    told: Mapping[str, Any]
    tries: int = 1
    windows: int | None = None
    message_ids: set[str] = field(default_factory=set)
    result: JobResult | None = None


def do_errands(
    app: App,
    source: Source,
    errands: Mapping[str, Errand],
    *,
    stop: Callable[[], bool],
    refused: Callable[[JobResult], JobResult],
) -> Generator[JobResult, None, None]:
    """Do errands, by job key, until `stop`; yields what becomes of each that was begun.

    StoreError if the store fails: what was yielded before is final all the same.
    """
    terms = Terms(
        stop=stop,
        pause=stop,
        taken_up=lambda item: _was_before(errands[job_key(item)]),
        last_try=lambda item: errands[job_key(item)].tries >= MOST_TRIES,
        refused=refused,
        untold=lambda heards: tell_or_note(app, heards),
    )
    with leases_of(app) as leases:
        run = _Run(app, source, leases, terms)
        new = [each.item for each in errands.values() if each.tries <= 1]
        again = [each.item for each in errands.values() if each.tries > 1]
        done = app.store.completed([job_key(item) for item in again]) if again else set()
        for item in (item for item in again if job_key(item) in done):
            yield JobResult(item, JobOutcome.ELSEWHERE)
        again = [item for item in again if job_key(item) not in done]
        for songs in _song_slices(of_kind(new, Job.INDEX)):
            yield from run.together(songs, run.index)
        for segments in _station_slices(of_kind(new, Job.SEGMENT)):
            yield from run.together(segments, run.hear)
        # Files come last, for they may be long, and a station's listeners wait for nobody.
        yield from run.alone([item for item in again if item.job is not Job.CHECK])
        for item in of_kind(new, Job.CHECK):
            yield from run.together([item], run.check)
        yield from run.alone(of_kind(again, Job.CHECK))


_Work = Callable[[Sequence[AudioItem]], Iterator[JobResult]]


@dataclass(frozen=True, slots=True)
class _Run:
    app: App
    source: Source
    leases: Leases
    terms: Terms

    def index(self, items: Sequence[AudioItem]) -> Iterator[JobResult]:
        # In this process: where a function runs there may be no shared memory for others.
        return index_items(self.app, self.source, items, self.leases, self.terms, workers=1)

    def hear(self, items: Sequence[AudioItem]) -> Iterator[JobResult]:
        yield from hear_items(self.app, self.source, items, self.leases, self.terms)

    def check(self, items: Sequence[AudioItem]) -> Iterator[JobResult]:
        for item in items:
            yield check_item(self.app, self.source, item, self.leases, self.terms)

    def together(self, items: Sequence[AudioItem], work: _Work) -> Iterator[JobResult]:
        """Do items; where songid fails on one, what is left comes again and is done alone."""
        if self.terms.stop():
            return
        try:
            yield from _told(work(items))
        except (StoreError, GeneratorExit):
            raise
        except Exception:
            log.exception("songid failed on one of %d items; please report this", len(items))

    def alone(self, items: Sequence[AudioItem]) -> Iterator[JobResult]:
        """Do items one by one, those last at which a process may have died."""
        store = self.app.store
        work = {Job.INDEX: self.index, Job.SEGMENT: self.hear, Job.CHECK: self.check}
        died = {item: deaths(store, job_key(item)) for item in items}
        for item in sorted(items, key=lambda item: (died[item], item.job is not Job.INDEX)):
            if self.terms.stop():
                return
            if died[item] >= MOST_DEATHS:
                yield from _told(self._refused(item, _DEADLY))
                forget(store, job_key(item))
                continue
            with attempt(store, job_key(item), died[item]):
                yield from _told(self._guarded(item, work[item.job]))

    def _guarded(self, item: AudioItem, work: _Work) -> Iterator[JobResult]:
        try:
            yield from work([item])
        except (StoreError, GeneratorExit):
            raise
        except Exception as error:
            log.exception("%s: songid failed on it; please report this", item.name)
            reason = f"songid failed on it: {type(error).__name__}: {error}"
            if self.terms.last_try(item):
                yield from self._refused(item, reason)
            else:
                yield JobResult(item, JobOutcome.LATER, reason)

    def _refused(self, item: AudioItem, reason: str) -> Iterator[JobResult]:
        yield refuse_item(self.source, item, reason, self.leases, self.terms)


def _song_slices(items: Sequence[AudioItem]) -> Iterator[list[AudioItem]]:
    """Songs that are read and written together: few enough for the disk and the time left.

    Of two versions of one file each has a slice of its own.
    """
    some: list[AudioItem] = []
    for item in items:
        size_bytes = sum(each.size_bytes for each in some) + item.size_bytes
        twin = any(each.uri == item.uri for each in some)
        if some and (twin or len(some) >= _SONGS_AT_ONCE or size_bytes > _BYTES_AT_ONCE):
            yield some
            some = []
        some.append(item)
    if some:
        yield some


def _station_slices(items: Sequence[AudioItem]) -> Iterator[list[AudioItem]]:
    """Each station's segments in order of time, some at a time."""
    stations: dict[str, list[AudioItem]] = {}
    for item in sorted(items, key=lambda item: item.start or item.modified_at or _EVER):
        stations.setdefault(item.station, []).append(item)
    for each in stations.values():
        for first in range(0, len(each), _SEGMENTS_AT_ONCE):
            yield each[first : first + _SEGMENTS_AT_ONCE]


def _told(results: Iterator[JobResult]) -> Iterator[JobResult]:
    """The results, each with a line in the log; those that come together share their time."""
    began = time.monotonic()
    for result in results:
        seconds = time.monotonic() - began
        _tell(result, seconds)
        yield result
        if seconds > _AT_ONCE_S:
            began = time.monotonic()


def _tell(result: JobResult, seconds: float) -> None:
    item, outcome = result.item, result.outcome
    quiet = (JobOutcome.DONE, JobOutcome.ELSEWHERE)
    what = f"{item.name}: {outcome.value}"
    log.log(
        logging.INFO if outcome in quiet else logging.WARNING,
        f"{what} ({result.note})" if result.note else what,
        extra=facts(
            uri=item.uri,
            identity=item.identity,
            station=item.station,
            job=item.job.value,
            outcome=outcome.value,
            reason=result.note,
            seconds=round(seconds, 3),
        ),
    )


def _was_before(errand: Errand) -> bool:
    return errand.tries > 1 or errand.windows is not None
