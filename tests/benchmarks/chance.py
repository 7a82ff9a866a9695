"""What chance may have done to a share: intervals, and tests of whether two differ."""

from __future__ import annotations

import math

_Z = 1.959964
"""The normal deviate of 95 %."""


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927); (0, 1) where nothing was tried."""
    if not trials:
        return 0.0, 1.0
    share, over = successes / trials, _Z * _Z / trials
    middle = (share + over / 2) / (1 + over)
    reach = _Z * math.sqrt(share * (1 - share) / trials + over / (4 * trials)) / (1 + over)
    # At the ends the interval ends there, whatever rounding says.
    low = 0.0 if successes == 0 else middle - reach
    high = 1.0 if successes == trials else middle + reach
    return low, high


def paired_p(lost: int, gained: int) -> float:
    """How likely chance alone parts the same queries so unevenly (McNemar 1947, exact).

    lost, gained: queries that only the first, or only the second, run answered.
    """
    parted, fewer = lost + gained, min(lost, gained)
    if not parted:
        return 1.0
    ways = sum(math.comb(parted, k) for k in range(fewer + 1))
    return min(1.0, 2 * ways / (1 << parted))


def unpaired_p(one: int, of_one: int, other: int, of_other: int) -> float:
    """How likely chance alone parts two shares so far (Fisher 1922, exact and two-sided)."""
    both, trials = one + other, of_one + of_other
    if not of_one or not of_other:
        return 1.0

    def ways(k: int) -> int:
        return math.comb(of_one, k) * math.comb(of_other, both - k)

    seen = ways(one)
    possible = range(max(0, both - of_other), min(both, of_one) + 1)
    return sum(w for k in possible if (w := ways(k)) <= seen) / math.comb(trials, both)
