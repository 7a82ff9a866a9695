"""Writes a broadcast as the segment files a station's encoder leaves in an archive."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, timedelta
from pathlib import Path
from typing import IO

import numpy as np

from songid.audio.encode import encode_segments
from songid.testing.broadcasts import SEGMENT_S, Broadcast

# Five minutes of sound each: enough tasks for a few cores, and few seams of the encoder.
_SEGMENTS_PER_TASK = 25


def write_segments(
    broadcast: Broadcast, folder: Path, *, bit_rate: int = 96_000, workers: int = 2
) -> list[Path]:
    """Write 12-second AAC/MPEG-TS files `<station>_<YYYYMMDDTHHMMSS>.<counter>.ts` (UTC).

    Segments inside a hole are left out, their counters too. Returns the files in order.
    """
    samples = np.frombuffer(broadcast.audio.raw_data, dtype=np.int16)
    rate_hz = broadcast.audio.frame_rate
    size = SEGMENT_S * rate_hz
    count = -(-len(samples) // size)
    missing = {
        number
        for first_s, last_s in broadcast.holes_s
        for number in range(int(first_s) // SEGMENT_S, -int(-last_s // SEGMENT_S))
    }
    folder.mkdir(parents=True, exist_ok=True)

    def write(first: int) -> list[Path]:
        last = min(first + _SEGMENTS_PER_TASK, count)
        written: list[Path] = []

        def open_segment(number: int) -> IO[bytes] | None:
            # The encoder's last packet may begin where the next task's first one does.
            if first + number in missing or first + number >= last:
                return None
            written.append(folder / segment_name(broadcast, first + number))
            return written[-1].open("wb")

        part = samples[first * size : last * size]
        encode_segments([part], rate_hz, open_segment, segment_s=SEGMENT_S, bitrate=bit_rate)
        return written

    # The codec lets go of the interpreter's lock, so threads do and no samples are copied.
    with ThreadPoolExecutor(workers) as pool:
        tasks = pool.map(write, range(0, count, _SEGMENTS_PER_TASK))
        return [path for paths in tasks for path in paths]


def segment_name(broadcast: Broadcast, number: int) -> str:
    """The file name of the segment of this number, counted from 0."""
    at = broadcast.start + timedelta(seconds=number * SEGMENT_S)
    return f"{broadcast.station}_{at.astimezone(UTC):%Y%m%dT%H%M%S}.{number:06d}.ts"
