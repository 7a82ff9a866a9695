"""How long to wait before trying again: longer each time, and not all at the same moment."""

from __future__ import annotations

import random
from dataclasses import dataclass

_MOST_DOUBLINGS = 30


@dataclass(slots=True)
class Backoff:
    """Waits that double from `first_s` up to `longest_s`, each from half to all of that."""

    first_s: float = 1.0
    longest_s: float = 60.0
    tries: int = 0

    def next_s(self) -> float:
        """The seconds to wait before the next try."""
        doubled = float(1 << min(self.tries, _MOST_DOUBLINGS))
        whole_s = min(self.longest_s, self.first_s * doubled)
        self.tries += 1
        return whole_s * random.uniform(0.5, 1.0)

    def reset(self) -> None:
        """It went well: begin with short waits again."""
        self.tries = 0
