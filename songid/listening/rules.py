"""The numbers that decide what counts as heard and as a play, in one place.

The window, the threshold, the bridge and the widest speed are settings, the others are
not; all were chosen on real music and speech, and to change one changes what is reported.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ListenRules:
    """How a window becomes a heard.

    window_s: the length of a window. least_score: matches below it are not even kept
    as weak ones; see `songid.catalogue.evidence` for what a score is and
    `songid.listening.confidence` for what it means as a probability. widest_speed,
    widest_tempo, widest_pitch: music that matches nothing is tried at speeds and tempos up
    to this far from 1, and transposed by up to so many semitones, in steps of warp_step; 0
    switches one off.
    """

    window_s: float = 12.0
    least_score: float = 2.5
    widest_speed: float = 0.06
    widest_tempo: float = 0.1
    widest_pitch: float = 2.0
    warp_step: float = 0.005


@dataclass(frozen=True, slots=True)
class PlayRules:
    """How heards become plays.

    accept: the confidence from which a play is reported. bridge_s: holes up to this
    length between two sightings at the advancing lag belong to the play. lag_s and
    drift: how far the lag of two sightings may be from the clock's advance, at once
    (segments' names carry whole seconds) and per second between them. head_s: a play
    first seen within this of its recording's beginning is taken to have begun there, for
    that is where people talk over music; tail_s: one last seen within this of the end, to
    have ended there. shortest_s: a shorter play is reported only if it is most of its recording
    or of all that was heard; else it is a sample that two recordings share.
    take_over_s: a hole this long that another recording fills ends the play.
    """

    accept: float = 0.99
    bridge_s: float = 45.0
    lag_s: float = 1.2
    drift: float = 0.004
    head_s: float = 12.0
    tail_s: float = 4.0
    shortest_s: float = 4.0
    take_over_s: float = 10.0
