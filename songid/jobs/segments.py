"""Stations' segments: heard in order of time, written to the journal, announced together.

Long ones, whole hours from a logger, may be left and taken up where they were left.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from songid.app import App
from songid.audio.decode import Decoding
from songid.interfaces import Source
from songid.jobs.checkpoints import Checkpoint, forget, hear_from_checkpoint, keep, load, terms_of
from songid.jobs.leases import Leases
from songid.jobs.outcomes import (
    TO_THE_END,
    JobOutcome,
    JobResult,
    Pause,
    Terms,
    guarded,
    job_key,
    opened,
    paused,
    settled,
)
from songid.listening.identify import ORIGIN
from songid.listening.parts import Part, listen_in_parts, never
from songid.model import AudioItem, Heard

_HEARDS_AT_ONCE = 64
_LONGEST = timedelta(days=2)


def hear_items(
    app: App,
    source: Source,
    items: Sequence[AudioItem],
    leases: Leases,
    terms: Terms = TO_THE_END,
    *,
    announce: bool = True,
) -> list[JobResult]:
    """Hear segments of one station, in order, and announce what they tell together.

    Ends early, without a result for the rest, when it shall stop.
    """
    taken = set(leases.take([job_key(item) for item in items]))
    results: list[JobResult] = []
    for item in items:
        if job_key(item) not in taken:
            results.append(JobResult(item, JobOutcome.ELSEWHERE))
        elif not terms.stop():
            hear = functools.partial(_hear, app, source, item, terms)
            results.append(guarded(item, hear, last_try=terms.last_try(item)))
            if results[-1].outcome is JobOutcome.REFUSED and terms.taken_up(item):
                forget(app.store, job_key(item))
    heards = [heard for result in results for heard in result.heards]
    # Completed only after: whoever dies before has another announce what is left.
    waiting = app.announce(heards).waiting if announce else 0
    if waiting:
        terms.untold(heards)
    return [settled(leases, replace(result, waiting=waiting), terms) for result in results]


def _hear(app: App, source: Source, item: AudioItem, terms: Terms) -> JobResult:
    kept_days = app.settings.retention.journal_days
    oldest = app.clock() - timedelta(days=kept_days)
    if kept_days and item.start is not None and item.start < oldest:
        kept = f"the {kept_days} days that the journal is kept (retention.journal_days)"
        return JobResult(item, JobOutcome.REFUSED, f"it is older than {kept}")
    with opened(source, item) as file, app.open_audio(file, item.name) as audio:
        if item.start is not None:
            heards, pause = _hear_dated(app, audio, item, item.start, terms)
        elif item.modified_at is not None:
            heards, pause = _hear_undated(app, audio, item, item.modified_at, terms)
        else:
            note = "neither its name nor its own time says when it aired"
            return JobResult(item, JobOutcome.REFUSED, note)
    if pause is not None:
        return paused(item, pause, heards, last_try=terms.last_try(item))
    if not heards:
        return JobResult(item, JobOutcome.REFUSED, "it is too short to be heard")
    note = f"damaged: {audio.damage}" if audio.damage else ""
    return JobResult(item, JobOutcome.DONE, note, tuple(heards))


def _hear_dated(
    app: App, audio: Decoding, item: AudioItem, start: datetime, terms: Terms
) -> tuple[list[Heard], Pause | None]:
    """Hear a segment into the journal, where what an earlier run heard of it already is."""
    key, signature = job_key(item), terms_of(app)
    resumable = terms.pause is not None and terms.taken_up(item)
    at = load(app.store, key, signature) if resumable else Checkpoint()
    since, done, finished = at.windows, at.windows, False
    heards: list[Heard] = []
    if since:  # that run may have died before it announced them
        there = app.store.heards(item.station, start, start + _LONGEST)
        heards = [heard for heard in there if heard.source == item.uri]
    waiting: list[Heard] = []
    for part in listen_in_parts(
        app.listener,
        audio,
        station=item.station,
        start=start,
        source=item.uri,
        skip=since,
        stop=terms.pause or never,
    ):
        waiting += part.heards
        done, finished = part.windows, part.last
        if len(waiting) >= _HEARDS_AT_ONCE or finished:
            app.journal(waiting)
            heards += waiting
            waiting = []
    app.journal(waiting)
    heards += waiting
    if not finished:
        if done > since:
            keep(app.store, key, signature, at, [Part(done, ())])
        return heards, Pause(done, since)
    if since:
        forget(app.store, key)
    return heards, None


def _hear_undated(
    app: App, audio: Decoding, item: AudioItem, end: datetime, terms: Terms
) -> tuple[list[Heard], Pause | None]:
    """Hear a segment of which its end is all that is known: first heard, then put in place."""
    key = job_key(item)
    run = hear_from_checkpoint(
        app,
        key,
        audio,
        station=item.station,
        start=ORIGIN,
        source=item.uri,
        pause=terms.pause,
    )
    if not run.finished:
        return [], Pause(run.windows, run.since)
    last = max((heard.end for heard in run.heards), default=ORIGIN)
    heards = [replace(heard, start=end - (last - heard.start)) for heard in run.heards]
    app.journal(heards)
    if run.chunks:
        forget(app.store, key)
    return heards, None
