from __future__ import annotations

import pytest

from songid.segmenter.wall_clock import WallClock


class Clocks:
    def __init__(self) -> None:
        self.now = 50.0
        self.ahead = 1000.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now + self.ahead


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def clock(clocks: Clocks) -> WallClock:
    return WallClock(clocks.wall, clocks.monotonic)


def test_it_tells_the_time_of_day_of_any_moment(clock: WallClock) -> None:
    assert clock.at(50.0) == 1050.0
    assert clock.at(42.5) == 1042.5


def test_a_small_correction_is_followed_slowly(clock: WallClock, clocks: Clocks) -> None:
    clocks.now, clocks.ahead = 60.0, 1000.3
    assert clock.check() == 0.0
    assert clock.at(60.0) == pytest.approx(1060.010)
    clocks.now = 60.0 + 290.0
    clock.check()
    assert clock.at(350.0) == pytest.approx(1350.3)


@pytest.mark.parametrize("step_s", [3600.0, -3600.0, 0.7])
def test_a_step_is_told_and_takes_effect_at_once(
    clock: WallClock, clocks: Clocks, step_s: float
) -> None:
    clocks.now += 5
    clocks.ahead += step_s
    assert clock.check() == pytest.approx(step_s)
    assert clock.at(55.0) == pytest.approx(1055.0 + step_s)
    assert clock.check() == 0.0
