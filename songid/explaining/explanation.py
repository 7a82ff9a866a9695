"""What is known of a window's answer: its candidates, and all that speaks for the chosen one.

`songid.explaining.explain` finds it out; words, document and picture only say it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from songid.model import Play, Recording, Samples, SoundSpan, Warp

F64 = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


class Verdict(StrEnum):
    """How it ended. CONTINUED: too weak alone, but it continues a play around it."""

    MATCHED = "matched"
    CONTINUED = "continued"
    NOT_MATCHED = "not matched"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A recording's best lag for the window.

    lag_s: the recording's offset at the window's start. needed: the score that reaches the
    threshold under this warp. shared: how many landmarks it has in common with the chosen one,
    as a share of whoever has fewer; 1 for the chosen one itself.
    """

    recording_id: str
    warp: Warp
    lag_s: float
    landmarks: int
    score: float
    confidence: float
    needed: float
    shared: float = 1.0

    @property
    def on_its_own(self) -> bool:
        """Whether it stands on landmarks of its own rather than on the chosen one's."""
        return self.shared < 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Lags:
    """What gathers at each lag of the chosen recording.

    lags_s: float64 (n,), ascending, each lag that any landmark points at; weights: float64
    (n,), the weight within a lag's tolerance; chance: the weight at a lag picked blindly;
    next_best: the most weight at any other lag.
    """

    lags_s: F64
    weights: F64
    chance: float
    next_best: float


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What the chosen candidate stands on.

    seconds: float64 (n,), what each second of the recording's time from the window's start
    adds to the score; discount: what is taken off for answering at any lag. aligned, other:
    bool (q,), which of the query's landmarks agree on the lag, and which others are in the
    recording, but elsewhere. as_well: bool (q,), those of `heard_as_well`, a candidate that is
    matched on landmarks of its own at the same time; "" if there is none. points: float64
    (q, 4), anchor and target of each landmark as seconds from the window's start and Hz in
    the window's own sound; None where the fingerprinter cannot tell.
    """

    seconds: F64
    discount: float
    lags: Lags
    aligned: Flags
    other: Flags
    as_well: Flags
    heard_as_well: str
    points: F64 | None


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """Why the window at `start_s` of `source` was or was not taken for a recording.

    samples: the window's, at `rate_hz`. asked_for: the recording that was asked about, "" if
    none was. windows: of how many this is the most telling; 0 where it was chosen.
    candidates: strongest first but for the first, which is the chosen one; `evidence` is
    None exactly where there is none. looked_up: the query's landmarks; common: those of
    them whose hashes are too common to be read. warps_tried: besides the sound as it is, at
    most, for listening stops where one suffices; 0 where none was needed. play: what the
    window belongs to in the end. catalogue_s: how much audio is live.
    """

    source: str
    start_s: float
    duration_s: float
    samples: Samples
    rate_hz: int
    sounds: tuple[SoundSpan, ...]
    asked_for: str
    windows: int
    verdict: Verdict
    threshold: float
    looked_up: int
    common: int
    warps_tried: int
    candidates: tuple[Candidate, ...]
    evidence: Evidence | None
    play: Play | None
    recordings: Mapping[str, Recording]
    catalogue_size: int
    catalogue_s: float
    fingerprinter: str
    damage: str = ""

    @property
    def chosen(self) -> Candidate | None:
        """The candidate that is explained."""
        return self.candidates[0] if self.candidates else None

    @property
    def found(self) -> bool:
        """Whether the chosen candidate was taken for what is heard."""
        return self.verdict is not Verdict.NOT_MATCHED
