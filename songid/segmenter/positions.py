"""A stream's timestamps as one position that only grows, and what is missing in it."""

from __future__ import annotations

from fractions import Fraction

TICKS_HZ = 14_112_000
"""MPEG's: of every usual sample rate, a sample is a whole number of ticks."""

_TOLERANCE = TICKS_HZ // 10
_LONGEST_HOLE = 60 * TICKS_HZ


class Positions:
    """Turns timestamps into ticks since the connection's first packet.

    A jump forward of up to a minute is a hole; any other jump is a clock that began anew,
    over which the position goes on as if nothing had been.
    """

    def __init__(self) -> None:
        self._origin: int | None = None
        self._next = 0

    def restart(self) -> None:
        """What follows has timestamps of its own and goes on where the last packet ended."""
        self._origin = None

    def place(self, pts: int | None, duration: int, time_base: Fraction) -> tuple[int, int, str]:
        """The packet's position and duration in ticks, and why it does not follow on.

        The reason is empty where it does.
        """
        # In whole numbers: this is done for every packet, and fractions are slow.
        scale, unit = time_base.numerator * TICKS_HZ, time_base.denominator
        ticks = duration * scale // unit
        if pts is None:
            position, broken = self._next, ""
        else:
            stamp = pts * scale // unit
            if self._origin is None:
                self._origin = stamp - self._next
            position, broken = stamp - self._origin, ""
            missing = position - self._next
            if missing < -_TOLERANCE or missing > _LONGEST_HOLE:
                self._origin, position = stamp - self._next, self._next
                broken = "discontinuity: the stream's timestamps began anew"
            elif missing > _TOLERANCE:
                broken = f"discontinuity: {missing / TICKS_HZ:.1f} s are missing in the stream"
        self._next = position + ticks
        return position, ticks, broken
