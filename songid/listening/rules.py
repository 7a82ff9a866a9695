"""The numbers that decide what counts as heard and as a play, in one place.

They are settings; the defaults were chosen on real music and real speech with
`make bench`, and a change of one of them is a change of what is reported.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ListenRules:
    """How a window becomes a heard.

    window_s: the length of a window. least_score: matches below it are not even kept
    as weak ones; see `songid.catalogue.search` for what a score is and
    `songid.listening.confidence` for what it means as a probability.
    """

    window_s: float = 12.0
    least_score: float = 2.5


@dataclass(frozen=True, slots=True)
class PlayRules:
    """How heards become plays.

    accept: the confidence from which a play is reported. bridge_s: holes up to this
    length between two sightings at the advancing lag belong to the play. lag_s and
    drift: how far the lag of two sightings may be from the clock's advance, at once
    (segments' names carry whole seconds) and per second between them. edge_s: a play that
    begins (ends) within this of the recording's own beginning (end) is taken to have begun
    (ended) there. shortest_s: a shorter play is reported only if it is most of its recording
    or of all that was heard; else it is a sample that two recordings share.
    take_over_s: a hole this long that another recording fills ends the play.
    """

    accept: float = 0.99
    bridge_s: float = 45.0
    lag_s: float = 1.2
    drift: float = 0.004
    edge_s: float = 3.0
    shortest_s: float = 4.0
    take_over_s: float = 10.0
