"""One item of an inbox, done once in effect: a song indexed, a file checked, a segment heard.

Each job is claimed by the item's address and identity before and completed after, so
that a repeated, interrupted or simultaneous delivery changes nothing. What is wrong with
an item itself is answered and remembered; passing trouble leaves it to be done later.
"""

from __future__ import annotations

import functools
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from songid.app import App
from songid.catalogue.indexing import Indexed, Outcome, Work
from songid.errors import AudioError, GoneError, SongidError, StoreError
from songid.interfaces import Source
from songid.jobs.answers import as_json, error_document, identified_document, in_words
from songid.jobs.leases import Leases
from songid.listening.identify import ORIGIN
from songid.model import AudioItem, Heard, Job

log = logging.getLogger(__name__)


class JobOutcome(StrEnum):
    """What became of a job. Only LATER is to be tried again."""

    DONE = "done"
    REFUSED = "refused"
    ELSEWHERE = "elsewhere"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class JobResult:
    """What became of one item; `note` is for a person.

    `heards` are a segment's, and `waiting` how many events about them no sink has taken
    yet; `indexed` is a song's. `gone`: its bytes were deleted or replaced before it was its
    turn.
    """

    item: AudioItem
    outcome: JobOutcome
    note: str = ""
    heards: tuple[Heard, ...] = ()
    waiting: int = 0
    indexed: Indexed | None = None
    gone: bool = False


class _PassingError(SongidError):
    """Trouble that is not the item's own."""


def job_key(item: AudioItem) -> str:
    """The claim that stands for an item's job, as long as its bytes stay the same."""
    return f"job:{item.uri}@{item.identity}"


# -- one item -------------------------------------------------------------------------


def do_index(app: App, source: Source, item: AudioItem) -> JobResult:
    """Add an item to the catalogue. StoreError, with nothing claimed, if the store fails."""
    with _leases(app) as leases:
        return next(index_items(app, source, [item], leases))


def do_check(app: App, source: Source, item: AudioItem, *, last_try: bool = False) -> JobResult:
    """Identify an item and answer with a result document beside it.

    With `last_try` even a defect of songid is answered, and the item not tried again.
    """
    with _leases(app) as leases:
        return check_item(app, source, item, leases, last_try=last_try)


def do_segment(app: App, source: Source, item: AudioItem, *, last_try: bool = False) -> JobResult:
    """Hear a station's segment, write it to the journal and announce what it tells."""
    with _leases(app) as leases:
        (result,) = hear_items(app, source, [item], leases, last_try=lambda item: last_try)
        return result


def _leases(app: App) -> Leases:
    return Leases(app.store, app.clock, app.settings.scheduler.lease_s)


# -- indexing -------------------------------------------------------------------------


def index_items(
    app: App, source: Source, items: Sequence[AudioItem], leases: Leases
) -> Iterator[JobResult]:
    """Add items to the catalogue, in parallel; yields each one's result once it is final."""
    taken = set(leases.take([job_key(item) for item in items]))
    mine: dict[str, AudioItem] = {}
    with tempfile.TemporaryDirectory(prefix="songid-") as folder:
        work: list[Work] = []
        for number, item in enumerate(items):
            if job_key(item) not in taken:
                yield JobResult(item, JobOutcome.ELSEWHERE)
                continue
            try:
                path = _as_file(source, item, Path(folder) / str(number))
            except GoneError as error:
                result = JobResult(item, JobOutcome.REFUSED, error.reason, gone=True)
                yield _settled(leases, result)
                continue
            except (_PassingError, OSError) as error:
                yield _settled(leases, JobResult(item, JobOutcome.LATER, str(error)))
                continue
            mine[item.uri] = item
            work.append(Work(path, item.uri))
        for indexed in app.index(work) if work else ():
            item = mine[indexed.source]
            outcome = JobOutcome.DONE
            if indexed.outcome is Outcome.FAILED:
                outcome = JobOutcome.LATER if indexed.passing else JobOutcome.REFUSED
            yield _settled(leases, JobResult(item, outcome, indexed.note, indexed=indexed))


def _as_file(source: Source, item: AudioItem, folder: Path) -> Path:
    """The item as a file that another process can open: its own, or a copy in `folder`."""
    with _opened(source, item) as file:
        own = getattr(file, "name", None)
        if isinstance(own, str | os.PathLike) and Path(own).is_file():
            return Path(own)
        folder.mkdir()
        path = folder / (item.name.rpartition("/")[2] or "audio")
        with path.open("wb") as copy:
            shutil.copyfileobj(file, copy)
        return path


# -- checking -------------------------------------------------------------------------


def check_item(
    app: App, source: Source, item: AudioItem, leases: Leases, *, last_try: bool = False
) -> JobResult:
    """Identify an item and answer it, under `leases`."""
    if not leases.take([job_key(item)]):
        return JobResult(item, JobOutcome.ELSEWHERE)

    def check() -> JobResult:
        with _opened(source, item) as file:
            found = app.identify(file, name=item.name)
        source.answer(item, as_json(identified_document(found)))
        return JobResult(item, JobOutcome.DONE, in_words(found))

    result = _guarded(item, check, last_try=last_try)
    # What replaced it has an answer of its own, which must not be overwritten.
    if result.outcome is JobOutcome.REFUSED and not result.gone:
        try:
            source.answer(item, as_json(error_document(item.name, result.note)))
        except (SongidError, OSError) as error:
            result = JobResult(item, JobOutcome.LATER, str(error))
    return _settled(leases, result)


# -- hearing --------------------------------------------------------------------------


def hear_items(
    app: App,
    source: Source,
    items: Sequence[AudioItem],
    leases: Leases,
    *,
    announce: bool = True,
    stop: Callable[[], bool] = lambda: False,
    last_try: Callable[[AudioItem], bool] = lambda item: False,
) -> list[JobResult]:
    """Hear segments of one station, in order, and announce what they tell together.

    Ends early, without a result for the rest, when `stop` says so.
    """
    taken = set(leases.take([job_key(item) for item in items]))
    results: list[JobResult] = []
    for item in items:
        if job_key(item) not in taken:
            results.append(JobResult(item, JobOutcome.ELSEWHERE))
        elif not stop():
            hear = functools.partial(_hear, app, source, item)
            results.append(_guarded(item, hear, last_try=last_try(item)))
    heards = [heard for result in results for heard in result.heards]
    # Completed only after: whoever dies before has another announce what is left.
    waiting = app.announce(heards).waiting if announce else 0
    return [_settled(leases, replace(result, waiting=waiting)) for result in results]


def _hear(app: App, source: Source, item: AudioItem) -> JobResult:
    kept_days = app.settings.retention.journal_days
    oldest = app.clock() - timedelta(days=kept_days)
    if kept_days and item.start is not None and item.start < oldest:
        kept = f"the {kept_days} days that the journal is kept (retention.journal_days)"
        return JobResult(item, JobOutcome.REFUSED, f"it is older than {kept}")
    with _opened(source, item) as file, app.open_audio(file, item.name) as audio:
        if item.start is not None:
            heards = app.hear(audio, item.station, item.start, item.uri)
        elif item.modified_at is not None:
            # Its end is all that is known of it: first heard, then put in its place.
            placed = list(
                app.listener.listen(audio, station=item.station, start=ORIGIN, source=item.uri)
            )
            end = max((heard.end for heard in placed), default=ORIGIN)
            heards = [
                replace(heard, start=item.modified_at - (end - heard.start)) for heard in placed
            ]
            app.journal(heards)
        else:
            note = "neither its name nor its own time says when it aired"
            return JobResult(item, JobOutcome.REFUSED, note)
    if not heards:
        return JobResult(item, JobOutcome.REFUSED, "it is too short to be heard")
    note = f"damaged: {audio.damage}" if audio.damage else ""
    return JobResult(item, JobOutcome.DONE, note, tuple(heards))


# -- shared ---------------------------------------------------------------------------


@contextmanager
def _opened(source: Source, item: AudioItem) -> Iterator[BinaryIO]:
    """The item's bytes. That they cannot be had now says nothing about the item.

    GoneError where the source knows that they will never be had.
    """
    with ExitStack() as stack:
        try:
            file = stack.enter_context(source.open(item))
        except GoneError:
            raise
        except (AudioError, OSError) as error:
            raise _PassingError(getattr(error, "reason", str(error))) from error
        yield file


def _guarded(item: AudioItem, work: Callable[[], JobResult], *, last_try: bool) -> JobResult:
    """What `work` returns, or what its failure means; the store's trouble is everyone's."""
    try:
        return work()
    except StoreError:
        raise
    except GoneError as error:
        return JobResult(item, JobOutcome.REFUSED, error.reason, gone=True)
    except AudioError as error:
        return JobResult(item, JobOutcome.REFUSED, error.reason)
    except (SongidError, OSError) as error:
        return JobResult(item, JobOutcome.LATER, str(error))
    except Exception as error:
        log.exception("%s: songid failed on it; please report this", item.name)
        outcome = JobOutcome.REFUSED if last_try else JobOutcome.LATER
        return JobResult(item, outcome, f"songid failed on it: {type(error).__name__}: {error}")


def _settled(leases: Leases, result: JobResult) -> JobResult:
    """The result, with its claim completed or given back."""
    key = [job_key(result.item)]
    if result.outcome is JobOutcome.LATER:
        leases.release(key)
    elif result.outcome is not JobOutcome.ELSEWHERE and leases.complete(key):
        log.info("%s: another had taken it over; it was done twice to the same end", key[0])
    return result


def of_kind(items: Sequence[AudioItem], job: Job) -> list[AudioItem]:
    """The items that ask for one kind of job."""
    return [item for item in items if item.job is job]
