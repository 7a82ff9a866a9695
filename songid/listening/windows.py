"""Cutting audio of any length into windows, in constant memory.

A 12-second segment gives one window, a day's file 7,200; a jump in the audio's own time
always begins a new window, so no window spans what was not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from songid.audio.decode import Block
from songid.model import Samples

_JUMP_S = 0.05
_LONGEST = 1.5
"""What remains at the end joins the last window up to this many windows' length."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of audio without a break. start_s: seconds from the file's first audio."""

    start_s: float
    samples: Samples


def cut_windows(blocks: Iterable[Block], rate_hz: int, window_s: float) -> Iterator[Window]:
    """Cut blocks into windows of `window_s`; the last of a run lasts 0.5 to 1.5 of that."""
    size = round(window_s * rate_hz)
    longest = int(size * _LONGEST)
    parts: list[Samples] = []
    held = 0
    start_s = 0.0
    for block in blocks:
        if parts and abs(block.start_s - (start_s + held / rate_hz)) > _JUMP_S:
            yield Window(start_s, np.concatenate(parts))
            parts, held = [], 0
        if not parts:
            start_s = block.start_s
        parts.append(block.samples)
        held += len(block.samples)
        if held > longest:
            samples = np.concatenate(parts)
            cut = 0
            while len(samples) - cut > longest:
                yield Window(start_s + cut / rate_hz, samples[cut : cut + size])
                cut += size
            start_s += cut / rate_hz
            parts, held = [samples[cut:]], len(samples) - cut
    if held:
        yield Window(start_s, np.concatenate(parts))
