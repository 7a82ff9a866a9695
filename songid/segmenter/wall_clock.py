"""The time of day, running evenly: small corrections are followed slowly, steps are told.

Between readings the monotonic clock counts, which nobody can set; so a segment's length is
never bent by a time server's correction.
"""

from __future__ import annotations

import time
from collections.abc import Callable

STEP_S = 0.5
"""A difference from here on is a step; what is smaller is followed by slewing."""
_SLEW = 1e-3


class WallClock:
    """Seconds since 1970 that advance as `monotonic` does, corrected by `wall`."""

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._read_at = monotonic()
        self._offset = wall() - self._read_at

    def at(self, monotonic_s: float) -> float:
        """The time of day at a moment of the monotonic clock, in seconds since 1970."""
        return monotonic_s + self._offset

    def check(self) -> float:
        """Compare with the machine's clock; the seconds by which it was set, 0.0 if it was not.

        To be called now and then. A step (the clock was set, or the machine slept) takes
        effect at once; what differs less is made up for at 1 ms a second.
        """
        now = self._monotonic()
        differs = self._wall() - self.at(now)
        passed, self._read_at = now - self._read_at, now
        if abs(differs) >= STEP_S:
            self._offset += differs
            return differs
        most = _SLEW * passed
        self._offset += max(-most, min(most, differs))
        return 0.0
