"""The demo's stations are listened to as `songid run` does it, one process for each.

A process sees only its own station in the inbox, so that each station's plays are
announced in order of time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, wait
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import BinaryIO

from songid.app import App
from songid.errors import StoreError
from songid.interfaces import Source
from songid.jobs.inbox import InboxMemory, process_inbox
from songid.model import AudioItem
from songid.settings import Settings

_LOOK_EVERY_S = 0.5
_MOST_PASSES = 5


def listen(app: App, stations: Sequence[str], pool: Executor, heard: Callable[[int], None]) -> None:
    """Hear all segments in the inbox; `heard` is told how many were, now and then.

    StoreError if some segment could not be heard.
    """
    running = [pool.submit(_listen_to, app.settings, station) for station in stations]
    while wait(running, timeout=_LOOK_EVERY_S).not_done:
        heard(sum(len(app.store.heards(station)) for station in stations))
    refused = sum(each.result() for each in running)
    heard(sum(len(app.store.heards(station)) for station in stations))
    if refused:
        raise StoreError(f"{refused} of the demo's segments could not be heard; run it again")


def _listen_to(settings: Settings, station: str) -> int:
    """Hear a station's segments; returns how many could not be."""
    assert settings.inbox_url is not None
    with App(settings) as app:
        source = _OneStation(app.open_source(settings.inbox_url.text), station)
        memory, refused = InboxMemory(), 0
        for _ in range(_MOST_PASSES):
            done = process_inbox(app, source, memory)
            refused += done.refused
            if not done.later:
                break
        else:
            refused += done.later
        journal = app.store.heards(station)
        if journal:
            last = journal[-1].start
            after = last + timedelta(microseconds=1)
            app.announcer.announce(station, last, after, ended_by=app.clock())
        source.close()
    return refused


class _OneStation:
    """An inbox as if it held the segments of one station only."""

    def __init__(self, inbox: Source, station: str) -> None:
        self._inbox = inbox
        self._station = station

    def items(self) -> Iterator[AudioItem]:
        return (item for item in self._inbox.items() if item.station == self._station)

    def open(self, item: AudioItem) -> AbstractContextManager[BinaryIO]:
        return self._inbox.open(item)

    def answer(self, item: AudioItem, document: bytes) -> str:
        return self._inbox.answer(item, document)

    def close(self) -> None:
        self._inbox.close()
