"""A stream of packets of 25 ms, on air since the second 1000, that comes in many ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from songid.segmenter.placing import IN_PIECES, LIVE, Placed, Placer, PlacingRules
from songid.segmenter.wall_clock import WallClock

STEP_S = 0.025
AIR_S = 1000.0


class Clock:
    """The monotonic clock and, `ahead` of it, the one on the wall."""

    def __init__(self) -> None:
        self.now = 0.0
        self.ahead = AIR_S

    def made(self) -> WallClock:
        return WallClock(lambda: self.now + self.ahead, lambda: self.now)


def feed(
    seconds: float,
    delay_s: Callable[[float], float] = lambda end_s: 0.0,
    *,
    burst_s: float = 0.0,
    rules: PlacingRules = LIVE,
    at: Callable[[Clock, float], None] = lambda clock, now_s: None,
    drift: float = 1.0,
) -> list[Placed[int]]:
    """Placed packets of a stream, the last `burst_s` before it was opened included.

    `delay_s` is by how much a packet comes later than it is on air; nothing overtakes.
    """
    clock = Clock()
    wall = clock.made()
    placer: Placer[int] = Placer(wall, rules)
    placed: list[Placed[int]] = []
    now_s = 0.0
    for number in range(round((burst_s + seconds) / STEP_S)):
        end_s = (number + 1) * STEP_S * drift - burst_s
        now_s = max(now_s, end_s + delay_s(end_s), 0.0)
        clock.now = now_s
        at(clock, now_s)
        placed += placer.arrived(number, number * STEP_S, STEP_S, now_s)
    placed += placer.flush()
    return placed


def errors_s(placed: list[Placed[int]], burst_s: float = 0.0) -> Iterator[float]:
    """By how much each packet is placed later than it was on air."""
    for each in placed:
        yield each.start_s - (AIR_S - burst_s + each.item * STEP_S)


@pytest.mark.parametrize("burst_s", [0.0, 2.0, 8.0])
def test_packets_are_placed_when_they_were_on_air_however_much_comes_at_once(
    burst_s: float,
) -> None:
    placed = feed(60, burst_s=burst_s)
    assert [each.item for each in placed] == list(range(len(placed)))
    assert max(map(abs, errors_s(placed, burst_s))) < 0.001
    assert not any(each.broken for each in placed)


def test_a_jumpy_network_does_not_move_them() -> None:
    jitter_s = np.random.default_rng(1).exponential(0.08, 100_000)
    placed = feed(120, lambda end_s: float(jitter_s[int(end_s / STEP_S)]), burst_s=3)
    assert max(map(abs, errors_s(placed, 3))) < 0.03
    assert not any(each.broken for each in placed)


def test_pieces_of_six_seconds_are_placed_by_when_they_are_complete() -> None:
    # What was on air within a piece comes when its last packet has been.
    placed = feed(120, lambda end_s: -end_s % 6.0, rules=IN_PIECES)
    assert max(map(abs, errors_s(placed))) < 0.001
    assert not any(each.broken for each in placed)


@pytest.mark.parametrize("drift", [1 + 200e-6, 1 - 200e-6])
def test_a_clock_that_runs_at_another_speed_is_followed(drift: float) -> None:
    placed = feed(1500, drift=drift)
    ends_s = [(each.item + 1) * STEP_S * drift for each in placed]
    late_s = [each.start_s + STEP_S - AIR_S - end for each, end in zip(placed, ends_s, strict=True)]
    assert max(map(abs, late_s)) < 0.1
    steps_s = np.diff([each.start_s for each in placed])
    assert np.all(np.abs(steps_s - STEP_S) <= STEP_S * 1.1e-3), "no jump, not a small one"
    assert not any(each.broken for each in placed)


def test_what_was_held_up_on_its_way_is_where_it_would_have_been() -> None:
    # Nothing comes for 7 s; then all of it at once.
    placed = feed(60, lambda end_s: 37.0 - end_s if 30 < end_s < 37 else 0.0)
    assert max(map(abs, errors_s(placed))) < 0.001
    assert not any(each.broken for each in placed)


def test_a_station_that_fell_silent_goes_on_later() -> None:
    # Nothing comes for 7 s, and those 7 s never come: all after them is later.
    placed = feed(60, lambda end_s: 7.0 if end_s > 30 else 0.0)
    (broken,) = [each for each in placed if each.broken]
    assert broken.item == 1200
    assert "stood still for 7.0 s" in broken.broken
    late_s = list(errors_s(placed))
    assert max(map(abs, late_s[:1200])) < 0.001
    assert late_s[1200:] == pytest.approx([7.0] * 1200, abs=0.001)


def test_a_stream_that_falls_behind_unnoticed_is_noticed_within_a_minute() -> None:
    # 100 pauses too short to tell anything.
    placed = feed(400, lambda end_s: 0.05 * min(100, max(0, int(end_s - 100))))
    breaks = [each for each in placed if each.broken]
    assert breaks and all("fell behind" in each.broken for each in breaks)
    assert list(errors_s(placed))[-1] == pytest.approx(5.0, abs=0.3)
    assert np.all(np.diff([each.start_s for each in placed]) > 0)


def test_a_file_sent_as_fast_as_can_be_is_no_live_stream_but_breaks_nothing() -> None:
    placed = feed(100, lambda end_s: -0.9 * end_s, rules=PlacingRules(longest_s=2.0))
    assert any("ran ahead" in each.broken for each in placed)


@pytest.mark.parametrize("step_s", [3600.0, -40.0])
def test_when_the_clock_is_set_what_follows_is_placed_by_the_new_one(step_s: float) -> None:
    def set_clock(clock: Clock, now_s: float) -> None:
        clock.ahead = AIR_S + (step_s if now_s >= 30 else 0.0)

    placed = feed(60, at=set_clock)
    (broken,) = [each for each in placed if each.broken]
    which = "forward" if step_s > 0 else "back"
    assert broken.broken == f"this machine's clock was set {which} by {abs(step_s):.1f} s"
    late_s = list(errors_s(placed))
    assert late_s[0] == pytest.approx(0.0, abs=0.001)
    assert late_s[-1] == pytest.approx(step_s, abs=0.001)
