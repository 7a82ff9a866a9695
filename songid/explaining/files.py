"""Explains a file: picks its most telling window, asks about it, and judges the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from songid.audio.decode import Decoding
from songid.catalogue.catalogue import Catalogue
from songid.explaining.explain import Answer, Inquiry
from songid.explaining.explanation import Explanation, Verdict
from songid.explaining.windows import Telling, most_telling, music_s, window_at
from songid.listening.hear import Listener
from songid.listening.identify import ORIGIN
from songid.listening.plays import plays
from songid.listening.rules import PlayRules
from songid.listening.windows import Window
from songid.model import Heard, Play, Recording

KnownBy = Callable[[Sequence[str]], Mapping[str, Recording]]


def explain(
    listener: Listener,
    catalogue: Catalogue,
    audio: Decoding,
    rules: PlayRules,
    recordings: KnownBy,
    *,
    recording_id: str = "",
    at_s: float | None = None,
    progress: Callable[[float], None] = lambda heard_s: None,
) -> Explanation:
    """Explain the answer to one window of a file: that at `at_s`, else the most telling.

    That is the one with the strongest match, of the recording if one is named. MomentError
    if there is nothing at `at_s`, AudioError if the file holds no audio.
    """
    inquiry = Inquiry(catalogue, listener, rules.accept, recording_id)

    def weigh(window: Window, heard: Heard) -> tuple[float, ...]:
        progress(window.start_s + heard.duration_s)
        matches = [m for m in heard.matches if recording_id in ("", m.recording_id)]
        best = max(((match.confidence, match.score) for match in matches), default=None)
        if best is None:
            best = (0.0, inquiry.best_score(window) if recording_id else 0.0)
        return (*best, music_s(heard))

    if at_s is None:
        telling = most_telling(listener, audio, weigh)
    else:
        telling = window_at(listener, audio, at_s)
    answer = inquiry.answer(telling.window, telling.heard)
    ids = {match.recording_id for heard in telling.around for match in heard.matches}
    ids.update(candidate.recording_id for candidate in answer.candidates)
    known = recordings(sorted(ids | ({recording_id} - {""})))
    play = _play(telling, answer, rules, known)
    snapshot = catalogue.snapshot()
    return Explanation(
        source=audio.name,
        start_s=telling.window.start_s,
        duration_s=telling.heard.duration_s,
        samples=telling.window.samples,
        rate_hz=listener.rate_hz,
        sounds=telling.heard.sounds,
        asked_for=recording_id,
        windows=telling.windows,
        verdict=_verdict(telling.heard, answer, play, rules.accept),
        threshold=rules.accept,
        looked_up=answer.looked_up,
        common=answer.common,
        warps_tried=answer.warps_tried,
        candidates=answer.candidates,
        evidence=answer.evidence,
        play=play,
        recordings=known,
        catalogue_size=int(snapshot.live.sum()),
        catalogue_s=snapshot.extent_frames * catalogue.fingerprinter.frame_s,
        fingerprinter=catalogue.fingerprinter.identity,
        damage=audio.damage,
    )


def _play(
    telling: Telling, answer: Answer, rules: PlayRules, known: Mapping[str, Recording]
) -> Play | None:
    """The play that the chosen candidate is a part of, if there is one.

    A play may reach over a window that does not speak for it: lags must agree, too.
    """
    if not answer.candidates:
        return None
    chosen = answer.candidates[0]
    durations_s = {key: recording.duration_s for key, recording in known.items()}
    start = ORIGIN + timedelta(seconds=telling.window.start_s)
    end = start + timedelta(seconds=telling.heard.duration_s)
    for play in plays(telling.around, rules, durations_s=durations_s):
        if play.start >= end or play.end <= start:
            continue
        lag_s = play.offset_s + (start - play.start).total_seconds() * play.warp.tempo
        advances = abs(chosen.lag_s - lag_s) <= rules.lag_s
        if chosen.recording_id in play.alternatives or (
            chosen.recording_id == play.recording_id and advances
        ):
            return play
    return None


def _verdict(heard: Heard, answer: Answer, play: Play | None, accept: float) -> Verdict:
    if not answer.candidates:
        return Verdict.NOT_MATCHED
    chosen = answer.candidates[0]
    # Few landmarks may have sufficed when it was heard; here all of them are asked.
    heard_at = max(
        (m.confidence for m in heard.matches if m.recording_id == chosen.recording_id), default=0.0
    )
    if max(chosen.confidence, heard_at) >= accept:
        return Verdict.MATCHED
    return Verdict.CONTINUED if play is not None else Verdict.NOT_MATCHED
