"""An explanation in words: one sentence that says why, and a list of what it rests on."""

from __future__ import annotations

import numpy as np

from songid.explaining.explanation import Candidate, Evidence, Explanation, Verdict
from songid.model import UNWARPED, SoundKind
from songid.report_model import confidence_word, length_words, warp_words

_HEARD = 0.2
"""A second that adds less than this share of what its strongest adds is hardly heard."""
_BURST = 0.5
_SHORT_S = 5.0
_NEAR = 0.1
"""Of less confidence, the best there is comes near to nothing."""


def headline(why: Explanation) -> str:
    """What came of it, in a few words."""
    if why.verdict is Verdict.CONTINUED:
        return "Matched, with the windows around it"
    if why.verdict is Verdict.MATCHED:
        return "Matched"
    return "Not matched"


def sentence(why: Explanation) -> str:
    """Why it came so, in a sentence or two."""
    chosen, evidence = why.chosen, why.evidence
    if chosen is None or evidence is None:
        return _nothing(why)
    name = f"“{title(why, chosen.recording_id)}”"
    warp = warp_words(chosen.warp)
    digits = 1 if abs(chosen.score - chosen.needed) >= 0.1 else 3
    score, needed = f"{chosen.score:.{digits}f}", f"{chosen.needed:.{digits}f}"
    if why.verdict is Verdict.MATCHED:
        played = f", {warp}" if warp else ""
        also = title(why, evidence.heard_as_well)
        as_well = f" “{also}” is heard as well, on landmarks of its own." if also else ""
        return (
            f"{chosen.landmarks:,} of {why.looked_up:,} landmarks agree on one lag of"
            f" {name}{played}, with a score of {score} where {needed} is needed.{as_well}"
        )
    if why.verdict is Verdict.CONTINUED:
        return (
            f"By itself the window gathers a score of {score} for {name}, where {needed} is"
            " needed, but it continues what is heard in the windows around it."
        )
    under = f" ({warp})" if warp else ""
    gathers = f"gathers a score of {score} where {needed} is needed: {_what_of(chosen, evidence)}"
    if not why.asked_for and chosen.confidence < _NEAR:
        tried = f" {why.warps_tried} warps were tried." if why.warps_tried else ""
        return (
            f"Nothing in the catalogue comes near. The best lag, of {name}{under}, {gathers}."
            f"{tried}{_kind(why)}"
        )
    return f"The best lag of {name}{under} {gathers}.{_instead(why)}{_kind(why)}"


def facts(why: Explanation) -> list[tuple[str, str]]:
    """What the answer rests on, as (what, how much) in a reader's order."""
    rows = [("window", _window(why)), ("sound", _sounds(why))]
    if why.damage:
        rows.append(("damaged", why.damage))
    chosen, evidence = why.chosen, why.evidence
    if chosen is not None and evidence is not None:
        rows += [
            ("recording", f"{name(why, chosen.recording_id)}, {place(chosen.lag_s)}"),
            ("score", _score(chosen, why.threshold)),
            ("discount", f"{evidence.discount:.2f} is taken off for answering at any lag"),
            ("heard in", _heard_in(evidence)),
            ("landmarks", _landmarks(why, evidence)),
            ("lag", _lag(evidence)),
        ]
    rows.append(("warp", _warp(why)))
    rows += [("runner-up", runner_up(why, other)) for other in why.candidates[1:3]]
    if why.play is not None and why.verdict is Verdict.CONTINUED:
        sure = f"{why.play.confidence * 100:.1f} %"
        rows.append(("play", f"{why.play.duration_s:.0f} s long, {sure} sure as a whole"))
    rows.append(("catalogue", _catalogue(why)))
    return rows


def title(why: Explanation, recording_id: str) -> str:
    """A recording's title, or its id where the catalogue does not know it any more."""
    recording = why.recordings.get(recording_id)
    return (recording.title if recording else "") or recording_id


def name(why: Explanation, recording_id: str) -> str:
    """A recording's artist and title."""
    recording = why.recordings.get(recording_id)
    artist = f"{recording.artist} - " if recording and recording.artist else ""
    return f"{artist}{title(why, recording_id)}"


def moment(seconds: float, *, tenths: bool = False) -> str:
    """A moment as `1:02` or `1:02.3`; before the beginning with a minus."""
    tenth = round(abs(seconds) * 10) if tenths else round(abs(seconds)) * 10
    minutes, rest = divmod(tenth, 600)
    sign = "-" if seconds < 0 and tenth else ""
    end = f".{rest % 10}" if tenths else ""
    return f"{sign}{minutes}:{rest // 10:02}{end}"


def place(lag_s: float) -> str:
    """Where in the recording the window begins."""
    if lag_s < 0:
        return f"which begins {-lag_s:.1f} s into the window"
    return f"from {moment(lag_s, tenths=True)}"


def relation(other: Candidate) -> str:
    """How a candidate's evidence stands to the chosen one's."""
    return "on landmarks of its own" if other.on_its_own else "on the same landmarks"


def runner_up(why: Explanation, other: Candidate) -> str:
    """Another candidate in words."""
    warp = f", {warp_words(other.warp)}" if warp_words(other.warp) else ""
    heard = ""
    if other.confidence >= why.threshold:
        heard = "; heard as well" if why.found else "; matched"
    if not other.on_its_own and other.confidence >= why.threshold:
        heard = "; the same sound in another version, or a part that both share"
    return (
        f"{name(why, other.recording_id)}{warp}: score {other.score:.1f}, {relation(other)}{heard}"
    )


def strongest_kind(why: Explanation) -> SoundKind | None:
    """The kind of sound that most of the window is."""
    lengths: dict[SoundKind, float] = {}
    for span in why.sounds:
        lengths[span.kind] = lengths.get(span.kind, 0.0) + span.end_s - span.start_s
    return max(lengths, key=lambda kind: lengths[kind], default=None)


def _nothing(why: Explanation) -> str:
    """Why there is no candidate at all."""
    if not why.catalogue_size:
        return "The catalogue is empty: songid index FOLDER"
    if not why.looked_up:
        if strongest_kind(why) is SoundKind.SILENCE:
            return "It is silence: there is no landmark in it that could be looked up."
        return "There is no landmark in it that could be looked up: it is too short or too even."
    if why.asked_for:
        return (
            f"Not one of the window's {why.looked_up:,} landmarks is in"
            f" “{title(why, why.asked_for)}”."
        )
    return f"Not one of the window's {why.looked_up:,} landmarks is in the catalogue."


def _what_of(chosen: Candidate, evidence: Evidence) -> str:
    """What is wrong with evidence that does not suffice."""
    lags = evidence.lags
    best = float(lags.weights.max(initial=0.0))
    spread = float(evidence.seconds.sum())
    strong = np.count_nonzero(evidence.seconds >= _HEARD * evidence.seconds.max(initial=0.0))
    few = (
        f"{chosen.landmarks:,} landmarks agree" if chosen.landmarks > 1 else "one landmark is there"
    )
    if chosen.confidence < _NEAR and lags.next_best > best / 2:
        return f"{few}, and much gathers at other lags, too, as chance would have it"
    if evidence.discount > 0.25 * spread:
        return "much is taken off, for the recording answers at any lag"
    if strong <= _BURST * len(evidence.seconds):
        return f"it is heard in {strong} of {len(evidence.seconds)} seconds only"
    if len(evidence.seconds) < _SHORT_S:
        return "the window is too short to gather more"
    return f"{few}, which is more than at any other lag, but too little to be sure"


def _instead(why: Explanation) -> str:
    """What is heard instead of what was asked for."""
    heard = [each for each in why.candidates[1:] if each.confidence >= why.threshold]
    return f" What is heard is “{title(why, heard[0].recording_id)}”." if heard else ""


def _kind(why: Explanation) -> str:
    kind = strongest_kind(why)
    return "" if kind in (None, SoundKind.MUSIC) else f" It sounds like {kind}."


def _window(why: Explanation) -> str:
    end_s = why.start_s + why.duration_s
    picked = f", the most telling of {why.windows}" if why.windows > 1 else ""
    start, end = moment(why.start_s, tenths=True), moment(end_s, tenths=True)
    return f"{start} to {end} of {why.source}{picked}"


def _sounds(why: Explanation) -> str:
    lengths: dict[str, float] = {}
    for span in why.sounds:
        lengths[span.kind.value] = lengths.get(span.kind.value, 0.0) + span.end_s - span.start_s
    ordered = sorted(lengths.items(), key=lambda each: -each[1])
    return ", ".join(f"{kind} {length_s:.1f} s" for kind, length_s in ordered) or "none"


def _score(chosen: Candidate, threshold: float) -> str:
    sure = f"{confidence_word(chosen.confidence)} ({chosen.confidence * 100:.2f} %)"
    return (
        f"{chosen.score:.2f}, confidence {sure}; {chosen.needed:.2f} is needed"
        f" for {threshold * 100:g} %"
    )


def _heard_in(evidence: Evidence) -> str:
    strong = np.count_nonzero(evidence.seconds >= _HEARD * evidence.seconds.max(initial=0.0))
    return f"{strong} of {len(evidence.seconds)} seconds, which add {evidence.seconds.sum():.2f}"


def _landmarks(why: Explanation, evidence: Evidence) -> str:
    aligned, other = int(evidence.aligned.sum()), int(evidence.other.sum())
    text = f"{aligned:,} aligned, {other:,} elsewhere in the recording"
    text += f", {why.looked_up - aligned - other:,} not in it"
    return f"{text}; {why.common:,} were too common to be read" if why.common else text


def _lag(evidence: Evidence) -> str:
    lags = evidence.lags
    return (
        f"weight {lags.weights.max(initial=0.0):.2f}; next best {lags.next_best:.2f},"
        f" one picked blindly {lags.chance:.3f}"
    )


def _warp(why: Explanation) -> str:
    warp = UNWARPED if why.chosen is None else why.chosen.warp
    text = warp_words(warp) or "none: played as it is"
    if not why.warps_tried:
        return text
    if why.found:
        return f"{text}, one of the {why.warps_tried} warps that are tried"
    return f"{text}; {why.warps_tried} warps were tried"


def _catalogue(why: Explanation) -> str:
    noun = "recording" if why.catalogue_size == 1 else "recordings"
    length = length_words(why.catalogue_s)
    return f"{why.catalogue_size:,} {noun}, {length}; {why.fingerprinter}"
