"""A stream's timestamps as one position that only grows, and what is missing in it."""

from __future__ import annotations

from fractions import Fraction

_TOLERANCE_S = Fraction(1, 10)
_LONGEST_HOLE_S = 60


class Positions:
    """Turns timestamps into seconds since the connection's first packet.

    A jump forward of up to a minute is a hole; any other jump is a clock that began anew,
    over which the position goes on as if nothing had been.
    """

    def __init__(self) -> None:
        self._origin_s: Fraction | None = None
        self._next_s = Fraction(0)

    def restart(self) -> None:
        """What follows has timestamps of its own and goes on where the last packet ended."""
        self._origin_s = None

    def place(
        self, pts: int | None, duration: int, time_base: Fraction
    ) -> tuple[Fraction, Fraction, str]:
        """The packet's position and duration in seconds, and why it does not follow on.

        The reason is empty where it does.
        """
        duration_s = duration * time_base
        if pts is None:
            position_s, broken = self._next_s, ""
        else:
            stamp_s = pts * time_base
            if self._origin_s is None:
                self._origin_s = stamp_s - self._next_s
            position_s, broken = stamp_s - self._origin_s, ""
            missing_s = position_s - self._next_s
            if missing_s < -_TOLERANCE_S or missing_s > _LONGEST_HOLE_S:
                self._origin_s, position_s = stamp_s - self._next_s, self._next_s
                broken = "discontinuity: the stream's timestamps began anew"
            elif missing_s > _TOLERANCE_S:
                broken = f"discontinuity: {float(missing_s):.1f} s are missing in the stream"
        self._next_s = position_s + duration_s
        return position_s, duration_s, broken
