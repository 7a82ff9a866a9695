"""Windows: all of the audio, each sample once, and none over a jump in time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songid.audio.decode import Block
from songid.listening.windows import Window, cut_windows

RATE_HZ = 1000


def blocks(runs: list[tuple[float, list[int]]]) -> list[Block]:
    """Runs of blocks, each run so many seconds after the one before; samples count up."""
    made: list[Block] = []
    count, now_s = 0, 0.0
    for pause_s, lengths in runs:
        now_s += pause_s
        for length in lengths:
            made.append(Block(now_s, np.arange(count, count + length, dtype=np.float32)))
            count += length
            now_s += length / RATE_HZ
    return made


def cut(made: list[Block], window_s: float = 2.0) -> list[Window]:
    return list(cut_windows(iter(made), RATE_HZ, window_s))


lengths = st.lists(st.integers(1, 9000), min_size=1, max_size=12)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.floats(0.1, 100), lengths), min_size=1, max_size=4))
def test_every_sample_is_in_one_window_of_the_right_length_at_the_right_time(
    runs: list[tuple[float, list[int]]],
) -> None:
    made = blocks(runs)
    windows = cut(made)
    joined = np.concatenate([window.samples for window in windows])
    assert np.array_equal(joined, np.concatenate([block.samples for block in made]))
    starts_s = {float(block.samples[0]): block.start_s for block in made}
    seams = np.cumsum([0, *(sum(lengths) for _, lengths in runs)]).tolist()
    first = 0
    for window in windows:
        last = first + len(window.samples)
        run = next(n for n in range(len(runs)) if first < seams[n + 1])
        assert last <= seams[run + 1], "no window spans a jump"
        whole_run = seams[run + 1] - seams[run]
        assert len(window.samples) == whole_run or 1000 <= len(window.samples) <= 3000
        assert len(window.samples) == 2000 or last == seams[run + 1]
        begin_s = starts_s[float(seams[run])]
        assert window.start_s == pytest.approx(begin_s + (first - seams[run]) / RATE_HZ, abs=1e-6)
        first = last


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (1, [1]),
        (3000, [3000]),
        (3001, [2000, 1001]),
        (5000, [2000, 3000]),
        (6001, [2000] * 2 + [2001]),
    ],
)
def test_the_rest_joins_the_last_window_while_that_is_not_too_long(
    length: int, expected: list[int]
) -> None:
    assert [len(window.samples) for window in cut(blocks([(0.0, [length])]))] == expected


def test_a_small_wobble_of_the_clock_is_no_jump() -> None:
    first, second = blocks([(0.0, [1000, 1000])])
    late = Block(second.start_s + 0.04, second.samples)
    assert len(cut([first, late])) == 1
    back = Block(0.2, second.samples)
    assert [window.start_s for window in cut([first, back])] == [0.0, 0.2]


def test_no_audio_gives_no_window() -> None:
    assert cut([]) == []


def test_windows_come_while_audio_is_read() -> None:
    """Memory is constant: a window is given out before the blocks after it are asked for."""
    read = 0

    def reading() -> object:
        nonlocal read
        for block in blocks([(0.0, [500] * 100)]):
            read += 1
            yield block

    windows = cut_windows(reading(), RATE_HZ, 2.0)  # type: ignore[arg-type]
    next(windows)
    assert read <= 7
