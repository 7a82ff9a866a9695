"""When each packet of a live stream was on air, judged by when packets arrive.

A stream's own timestamps tell packets' distances, the clock on the wall tells when they
came. A packet cannot come before it is on air, so the one that came soonest after its time
shows where the stream's edge is: what a server sends at once on connecting is older than
that, what comes late was held up on its way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from songid.segmenter.wall_clock import WallClock

T = TypeVar("T")

_SLEW = 1e-3
_BLOCK_S = 10.0
_BLOCKS = 30
_BEHIND_BLOCKS = 6
_BEHIND_S = 1.0
_AHEAD_S = 10.0
_SEAMLESS_S = 0.25
_CHECK_S = 5.0
_MOST_HELD = 50_000


@dataclass(frozen=True, slots=True)
class PlacingRules:
    """Seconds of watching after which a stream's edge is known, and what counts as a pause.

    `longest_s`: how long it is watched while it still comes faster than it is played. A
    stream in large pieces (HLS) comes with pauses, which mean nothing.
    """

    settle_s: float = 3.0
    pause_s: float = 2.0
    longest_s: float = 12.0


LIVE = PlacingRules()
IN_PIECES = PlacingRules(pause_s=120.0)


@dataclass(frozen=True, slots=True)
class Placed(Generic[T]):
    """A piece of audio with its time on air, in seconds since 1970.

    `broken` says why it does not follow on the piece before; empty where it does.
    """

    item: T
    start_s: float
    duration_s: float
    broken: str = ""


@dataclass(frozen=True, slots=True)
class _Held(Generic[T]):
    item: T
    position_s: float
    duration_s: float
    arrived_s: float
    """On the monotonic clock."""

    @property
    def delay_s(self) -> float:
        return self.arrived_s - self.position_s - self.duration_s


class Placer(Generic[T]):
    """Places the packets of one connection; holds them back until it can."""

    def __init__(
        self,
        clock: WallClock,
        rules: PlacingRules = PlacingRules(),
        on_step: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self._clock = clock
        self._rules = rules
        self._on_step = on_step
        self._delay_s: float | None = None
        """Of arrival behind the stream's position, as smoothed: the anchor."""
        self._held: list[_Held[T]] = []
        self._why_held = ""
        self._least: deque[tuple[float, float]] = deque(maxlen=_BLOCKS)
        self._last_s = self._checked_s = self._slewed_s = float("-inf")
        self._broken = ""

    def arrived(
        self, item: T, position_s: float, duration_s: float, arrived_s: float
    ) -> Iterator[Placed[T]]:
        """Take a packet at `position_s` of the stream that came at `arrived_s` (monotonic).

        Gives what can be placed by now, in order.
        """
        held = _Held(item, position_s, duration_s, arrived_s)
        paused_s = arrived_s - self._last_s if self._last_s > float("-inf") else 0.0
        self._last_s = arrived_s
        self._watch_the_clock(arrived_s)
        if self._delay_s is not None and paused_s >= self._rules.pause_s and not self._held:
            # Either the network held it up and now catches up, or the station fell silent.
            self._why_held = f"the stream stood still for {paused_s:.1f} s"
        elif self._delay_s is not None and not self._held:
            yield self._steady(held)
            return
        self._held.append(held)
        if self._is_settled(arrived_s):
            yield from self.flush()

    def flush(self) -> Iterator[Placed[T]]:
        """Place what is held back, by what is known now."""
        held, self._held = self._held, []
        if not held:
            return
        least = min(each.delay_s for each in held)
        if self._delay_s is None:
            self._delay_s = least
        elif least - self._delay_s > _SEAMLESS_S:
            self._break_by(least, self._why_held)
        self._slewed_s = held[-1].arrived_s
        for each in held:
            self._note(each)
            yield self._place(each)

    def _is_settled(self, now_s: float) -> bool:
        first = self._held[0]
        watched_s = now_s - first.arrived_s
        rules = self._rules
        if watched_s >= rules.longest_s or len(self._held) >= _MOST_HELD:
            return True
        if watched_s < rules.settle_s:
            return False
        # What is sent on connecting comes faster than it is played.
        recent = [each.duration_s for each in self._held if each.arrived_s > now_s - 1.0]
        return sum(recent) <= 1.5

    def _steady(self, held: _Held[T]) -> Placed[T]:
        assert self._delay_s is not None
        self._note(held)
        least = min(delay for _, delay in self._least)
        recent = list(self._least)[-_BEHIND_BLOCKS:]
        behind = min(delay for _, delay in recent) - self._delay_s
        if len(recent) == _BEHIND_BLOCKS and behind > _BEHIND_S:
            self._break_by(self._delay_s + behind, f"the stream fell behind by {behind:.1f} s")
        elif self._delay_s - held.delay_s > _AHEAD_S:
            ahead = self._delay_s - held.delay_s
            self._break_by(held.delay_s, f"the stream ran ahead by {ahead:.1f} s")
        else:
            most = _SLEW * max(0.0, held.arrived_s - self._slewed_s)
            self._delay_s += max(-most, min(most, least - self._delay_s))
        self._slewed_s = held.arrived_s
        return self._place(held)

    def _break_by(self, delay_s: float, why: str) -> None:
        self._delay_s = delay_s
        self._least.clear()
        self._broken = why

    def _note(self, held: _Held[T]) -> None:
        block = held.arrived_s // _BLOCK_S
        if self._least and self._least[-1][0] == block:
            self._least[-1] = (block, min(self._least[-1][1], held.delay_s))
        else:
            self._least.append((block, held.delay_s))

    def _place(self, held: _Held[T]) -> Placed[T]:
        assert self._delay_s is not None
        broken, self._broken = self._broken, ""
        start_s = self._clock.at(held.position_s + self._delay_s)
        return Placed(held.item, start_s, held.duration_s, broken)

    def _watch_the_clock(self, now_s: float) -> None:
        if now_s - self._checked_s < _CHECK_S:
            return
        self._checked_s = now_s
        if step_s := self._clock.check():
            which = "forward" if step_s > 0 else "back"
            self._broken = f"this machine's clock was set {which} by {abs(step_s):.1f} s"
            self._on_step(step_s)
