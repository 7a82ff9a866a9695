"""What becomes of a job, on what terms jobs are done, and how each comes to its end.

Trouble with an item itself is remembered, passing trouble leaves its job for later, and
the store's is everyone's.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO

from songid.catalogue.indexing import Indexed
from songid.errors import AudioError, GoneError, SongidError, StoreError
from songid.interfaces import Source
from songid.jobs.leases import Leases
from songid.model import AudioItem, Heard

log = logging.getLogger(__name__)


class JobOutcome(StrEnum):
    """What became of a job. Only LATER is to be tried again."""

    DONE = "done"
    REFUSED = "refused"
    ELSEWHERE = "elsewhere"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Pause:
    """Where a long job was left: after so many windows; this run found it after `since`."""

    windows: int
    since: int


@dataclass(frozen=True, slots=True)
class JobResult:
    """What became of one item; `note` is for a person.

    `heards` are a segment's, and `waiting` how many events about them no sink has taken
    yet; `indexed` is a song's. `gone`: its bytes were deleted or replaced before it was its
    turn. `pause`: it is left for later because its time was up. `audio_s`: seconds of a
    file's sound that were heard in this run; `plays`: how many were found in it.
    """

    item: AudioItem
    outcome: JobOutcome
    note: str = ""
    heards: tuple[Heard, ...] = ()
    waiting: int = 0
    indexed: Indexed | None = None
    gone: bool = False
    pause: Pause | None = None
    audio_s: float = 0.0
    plays: int = 0


def _nothing_to_add(result: JobResult) -> JobResult:
    return result


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms jobs are done; as they stand, each to its end and without being told of.

    `stop` is asked between items. `pause` is asked within long ones, which then keep how
    far they came for another run; None: they are not interrupted, and nothing is kept.
    `taken_up`: whether a segment may have been paused before (a file always may).
    `last_try`: whether a failure of songid's own is now taken for the item's. `refused`
    is given what can never be done before that is remembered, and returns what becomes of
    it instead. `untold` is told of heards some of whose events no sink has taken.
    """

    stop: Callable[[], bool] = lambda: False
    pause: Callable[[], bool] | None = None
    taken_up: Callable[[AudioItem], bool] = lambda item: False
    last_try: Callable[[AudioItem], bool] = lambda item: False
    refused: Callable[[JobResult], JobResult] = _nothing_to_add
    untold: Callable[[Sequence[Heard]], None] = lambda heards: None


TO_THE_END = Terms()


class PassingError(SongidError):
    """Trouble that is not the item's own."""


def job_key(item: AudioItem) -> str:
    """The claim that stands for an item's job, as long as its bytes stay the same."""
    return f"job:{item.uri}@{item.identity}"


@contextmanager
def opened(source: Source, item: AudioItem) -> Iterator[BinaryIO]:
    """The item's bytes. That they cannot be had now says nothing about the item.

    GoneError where the source knows that they will never be had.
    """
    with ExitStack() as stack:
        try:
            file = stack.enter_context(source.open(item))
        except GoneError:
            raise
        except (AudioError, OSError) as error:
            raise PassingError(getattr(error, "reason", str(error))) from error
        yield file


def guarded(item: AudioItem, work: Callable[[], JobResult], *, last_try: bool) -> JobResult:
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


def paused(
    item: AudioItem, pause: Pause, heards: Sequence[Heard] = (), *, last_try: bool
) -> JobResult:
    """A job whose time was up. One that comes no further however often is never done."""
    if pause.windows == pause.since and last_try:
        note = "not even a part of it could be heard in the time that a run has"
        return JobResult(item, JobOutcome.REFUSED, note)
    note = f"its time was up after {pause.windows} windows"
    return JobResult(item, JobOutcome.LATER, note, heards=tuple(heards), pause=pause)


def settled(leases: Leases, result: JobResult, terms: Terms) -> JobResult:
    """What has become of a job, with its claim completed or given back."""
    if result.outcome is JobOutcome.REFUSED and not result.gone:
        result = terms.refused(result)
    key = [job_key(result.item)]
    if result.outcome is JobOutcome.LATER:
        leases.release(key)
    elif result.outcome is not JobOutcome.ELSEWHERE and leases.complete(key):
        log.info("%s: another had taken it over; it was done twice to the same end", key[0])
    return result
