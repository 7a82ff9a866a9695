"""Hearing long audio in parts, so that it can be left at any part's end and taken up there.

A part is PART_WINDOWS windows. What is heard in it depends on nothing before it, so audio
heard in several goes gives the very heards that it gives in one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain, islice

from songid.audio.decode import Decoding
from songid.listening.hear import PART_WINDOWS, Listener
from songid.listening.windows import Window, cut_windows
from songid.model import Heard


@dataclass(frozen=True, slots=True)
class Part:
    """What was heard next. windows: how many of the audio's are done by then; `last`: all are."""

    windows: int
    heards: tuple[Heard, ...]
    last: bool = False


class _StopError(Exception):
    """It was asked to stop in the middle of a part."""


def never() -> bool:
    """Never stop."""
    return False


def listen_in_parts(
    listener: Listener,
    audio: Decoding,
    *,
    station: str,
    start: datetime,
    source: str = "",
    skip: int = 0,
    stop: Callable[[], bool] = never,
) -> Iterator[Part]:
    """Hear audio, whose first sample aired at `start`, part by part, like `Listener.listen`.

    `skip`: so many windows, as a `Part.windows` said, were heard before; they are decoded
    and no more. `stop` is asked before each window; when it says so, no part comes that is
    not whole, and none is the `last`. AudioError as from `audio`.
    """
    windows = cut_windows(audio, listener.rate_hz, listener.rules.window_s)
    done = 0
    while done < skip and next(windows, None) is not None:
        if stop():
            return
        done += 1
    # Held back: that the audio is damaged is known at its end, and told by its last heard.
    ready = Part(done, ())
    while (first := next(windows, None)) is not None:
        some = _Counted(chain([first], islice(windows, PART_WINDOWS - 1)), stop)
        try:
            heards = tuple(listener.hear_windows(some, station=station, start=start, source=source))
        except _StopError:
            if ready.windows > skip:
                yield ready
            return
        if ready.heards and heards:
            yield ready
        done += some.count
        ready = Part(done, heards or ready.heards)
    *before, final = ready.heards or [None]
    if final is not None:
        final = replace(final, damaged=audio.damaged)
    yield Part(done, tuple(each for each in (*before, final) if each is not None), last=True)


class _Counted:
    """Windows that are counted, and stop when they shall."""

    def __init__(self, windows: Iterable[Window], stop: Callable[[], bool]) -> None:
        self.count = 0
        self._windows = windows
        self._stop = stop

    def __iter__(self) -> Iterator[Window]:
        for window in self._windows:
            if self._stop():
                raise _StopError
            self.count += 1
            yield window
