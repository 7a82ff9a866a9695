"""Which window of a file tells most, heard exactly as `songid identify` hears it.

The file is heard part by part, so memory is constant, and a window's heard is the same
whether all of the file was heard or only the part that the window is in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice

from songid.audio.decode import Decoding
from songid.errors import AudioError, MomentError
from songid.listening.hear import PART_WINDOWS, Listener
from songid.listening.identify import ORIGIN
from songid.listening.windows import Window, cut_windows
from songid.model import Heard, SoundKind

Weigh = Callable[[Window, Heard], tuple[float, ...]]
"""How telling a window is; the greatest is taken."""


@dataclass(frozen=True, slots=True)
class Telling:
    """A window, what was heard in it and around it. windows: of how many it was picked."""

    window: Window
    heard: Heard
    around: tuple[Heard, ...]
    windows: int


def most_telling(listener: Listener, audio: Decoding, weigh: Weigh) -> Telling:
    """The window of most weight, the first of several; AudioError if there is none."""
    best: tuple[tuple[float, ...], Window, Heard] | None = None
    heards: list[Heard] = []
    for part in _parts(listener, audio):
        for window, heard in _hear(listener, part, audio.name):
            heards.append(heard)
            weight = weigh(window, heard)
            if best is None or weight > best[0]:
                best = weight, window, heard
    if best is None:
        raise AudioError(audio.name, "it is too short to hear anything in it")
    return Telling(best[1], best[2], tuple(heards), len(heards))


def window_at(listener: Listener, audio: Decoding, at_s: float) -> Telling:
    """The window that holds a moment; MomentError if the file has no sound there."""
    end_s = 0.0
    for part in _parts(listener, audio):
        end_s = part[-1].start_s + len(part[-1].samples) / listener.rate_hz
        if at_s >= end_s:
            continue
        heards = _hear(listener, part, audio.name)
        around = tuple(heard for _, heard in heards)
        for window, heard in heards:
            if window.start_s <= at_s < window.start_s + heard.duration_s:
                return Telling(window, heard, around, 0)
        raise MomentError(f"{audio.name}: at {at_s:g} s it has no sound; a piece is missing there")
    raise MomentError(f"{audio.name}: it ends at {end_s:.1f} s, and {at_s:g} s were asked about")


def _parts(listener: Listener, audio: Decoding) -> Iterator[list[Window]]:
    windows = cut_windows(audio, listener.rate_hz, listener.rules.window_s)
    while part := list(islice(windows, PART_WINDOWS)):
        yield part


def _hear(listener: Listener, part: list[Window], source: str) -> list[tuple[Window, Heard]]:
    by_start = {ORIGIN + timedelta(milliseconds=round(w.start_s * 1000)): w for w in part}
    heards = listener.hear_windows(part, station="", start=ORIGIN, source=source)
    return [(by_start[heard.start], heard) for heard in heards]


def music_s(heard: Heard) -> float:
    """How much music a heard holds, in seconds."""
    return sum(s.end_s - s.start_s for s in heard.sounds if s.kind is SoundKind.MUSIC)
