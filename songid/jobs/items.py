"""One item of an inbox, done once in effect: a song indexed, a file checked, a segment heard.

Each job is claimed by the item's address and identity before and completed after, so
that a repeated, interrupted or simultaneous delivery changes nothing. What is wrong with
an item itself is answered and remembered; passing trouble leaves it to be done later.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from songid.app import App
from songid.catalogue.indexing import Indexed, Outcome
from songid.catalogue.reading import Work
from songid.errors import GoneError, SongidError
from songid.interfaces import Source
from songid.jobs.answers import as_json, error_document, identified_document, in_words
from songid.jobs.checkpoints import forget, hear_from_checkpoint
from songid.jobs.leases import Leases
from songid.jobs.outcomes import (
    TO_THE_END,
    JobOutcome,
    JobResult,
    PassingError,
    Pause,
    Terms,
    guarded,
    job_key,
    opened,
    paused,
    settled,
)
from songid.jobs.segments import hear_items
from songid.listening.identify import ORIGIN
from songid.model import AudioItem, Job

log = logging.getLogger(__name__)


# -- one item -------------------------------------------------------------------------


def do_index(app: App, source: Source, item: AudioItem) -> JobResult:
    """Add an item to the catalogue. StoreError, with nothing claimed, if the store fails."""
    with leases_of(app) as leases:
        return next(index_items(app, source, [item], leases))


def do_check(app: App, source: Source, item: AudioItem, *, last_try: bool = False) -> JobResult:
    """Identify an item and answer with a result document beside it.

    With `last_try` even a defect of songid is answered, and the item not tried again.
    """
    with leases_of(app) as leases:
        return check_item(app, source, item, leases, Terms(last_try=lambda item: last_try))


def do_segment(app: App, source: Source, item: AudioItem, *, last_try: bool = False) -> JobResult:
    """Hear a station's segment, write it to the journal and announce what it tells."""
    with leases_of(app) as leases:
        terms = Terms(last_try=lambda item: last_try)
        (result,) = hear_items(app, source, [item], leases, terms)
        return result


def leases_of(app: App) -> Leases:
    """Claims of an app's store, for as long as its settings say."""
    return Leases(app.store, app.clock, app.settings.scheduler.lease_s)


# -- indexing -------------------------------------------------------------------------


def index_items(
    app: App,
    source: Source,
    items: Sequence[AudioItem],
    leases: Leases,
    terms: Terms = TO_THE_END,
    *,
    workers: int = 0,
) -> Iterator[JobResult]:
    """Add items to the catalogue; yields each one's result once it is final.

    `workers`: processes that read them, 0 as many as the settings say. When it shall stop,
    it ends early, without a result for those that it has not begun to fetch.
    """
    taken = set(leases.take([job_key(item) for item in items]))
    mine: dict[str, AudioItem] = {}
    with tempfile.TemporaryDirectory(prefix="songid-") as folder:
        work: list[Work] = []
        for number, item in enumerate(items):
            if job_key(item) not in taken:
                yield JobResult(item, JobOutcome.ELSEWHERE)
                continue
            if terms.stop():
                break
            try:
                path = _as_file(source, item, Path(folder) / str(number))
            except GoneError as error:
                result = JobResult(item, JobOutcome.REFUSED, error.reason, gone=True)
                yield settled(leases, result, terms)
                continue
            except (PassingError, OSError) as error:
                yield settled(leases, JobResult(item, JobOutcome.LATER, str(error)), terms)
                continue
            mine[item.uri] = item
            work.append(Work(path, item.uri))
        for result in _index(app, work, mine, terms, workers):
            yield settled(leases, result, terms)


def _index(
    app: App, work: list[Work], mine: dict[str, AudioItem], terms: Terms, workers: int
) -> Iterator[JobResult]:
    """Index files; where songid fails on all, each by itself, so that one is no other's fate."""
    left = {each.source: each for each in work}
    try:
        for indexed in app.index(work, workers=workers) if work else ():
            del left[indexed.source]
            yield _indexed(mine[indexed.source], indexed)
    except (SongidError, OSError):
        raise
    except Exception:
        log.exception("songid failed on one of %d songs; now each is tried alone", len(left))
        for each in left.values():
            item = mine[each.source]

            def alone(each: Work = each, item: AudioItem = item) -> JobResult:
                return _indexed(item, next(app.index([each], workers=1)))

            yield guarded(item, alone, last_try=terms.last_try(item))


def _indexed(item: AudioItem, indexed: Indexed) -> JobResult:
    outcome = JobOutcome.DONE
    if indexed.outcome is Outcome.FAILED:
        outcome = JobOutcome.LATER if indexed.passing else JobOutcome.REFUSED
    return JobResult(item, outcome, indexed.note, indexed=indexed)


def _as_file(source: Source, item: AudioItem, folder: Path) -> Path:
    """The item as a file that another process can open: its own, or a copy in `folder`."""
    with opened(source, item) as file:
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
    app: App, source: Source, item: AudioItem, leases: Leases, terms: Terms = TO_THE_END
) -> JobResult:
    """Identify an item and answer it, under `leases`."""
    key = job_key(item)
    if not leases.take([key]):
        return JobResult(item, JobOutcome.ELSEWHERE)

    def check() -> JobResult:
        with opened(source, item) as file, app.open_audio(file, item.name) as audio:
            run = hear_from_checkpoint(
                app, key, audio, start=ORIGIN, source=item.name, pause=terms.pause
            )
            audio_s = sum(heard.duration_s for heard in run.heards[len(run.heards) - run.new :])
            if not run.finished:
                pause = Pause(run.windows, run.since)
                result = paused(item, pause, last_try=terms.last_try(item))
                return replace(result, audio_s=audio_s)
            found = app.identified(run.heards, audio, source=item.name)
        source.answer(item, as_json(identified_document(found)))
        if run.chunks:
            forget(app.store, key)
        return JobResult(
            item, JobOutcome.DONE, in_words(found), audio_s=audio_s, plays=len(found.plays)
        )

    result = guarded(item, check, last_try=terms.last_try(item))
    if result.outcome is JobOutcome.REFUSED:
        if terms.pause:
            forget(app.store, key)
        result = answer_refused(source, result)
    return settled(leases, result, terms)


def answer_refused(source: Source, result: JobResult) -> JobResult:
    """Answer a file with why it was refused; for later if that cannot be written now."""
    # What replaced it has an answer of its own, which must not be overwritten.
    if result.item.job is not Job.CHECK or result.gone:
        return result
    try:
        source.answer(result.item, as_json(error_document(result.item.name, result.note)))
    except (SongidError, OSError) as error:
        return JobResult(result.item, JobOutcome.LATER, str(error))
    return result


def refuse_item(
    source: Source, item: AudioItem, note: str, leases: Leases, terms: Terms
) -> JobResult:
    """Refuse an item untried, for what is known of it."""
    if not leases.take([job_key(item)]):
        return JobResult(item, JobOutcome.ELSEWHERE)
    result = answer_refused(source, JobResult(item, JobOutcome.REFUSED, note))
    return settled(leases, result, terms)


def of_kind(items: Sequence[AudioItem], job: Job) -> list[AudioItem]:
    """The items that ask for one kind of job."""
    return [item for item in items if item.job is job]
