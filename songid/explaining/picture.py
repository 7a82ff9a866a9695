"""An explanation drawn: landmarks on the spectrogram, evidence by second, lags, candidates.

One self-contained SVG, 1000 pixels wide, with a sentence on top that says the same.
"""

from __future__ import annotations

import base64

import numpy as np

from songid.explaining import svg
from songid.explaining.explanation import Candidate, Evidence, Explanation
from songid.explaining.panels import (
    SECONDS,
    STYLE,
    Box,
    floor,
    grid,
    heading,
    height_at,
    time_axis,
)
from songid.explaining.spectrogram import height_of, spectrogram
from songid.explaining.svg import Element, fitted, hint, line, shape, text, ticks, wrapped
from songid.explaining.words import facts, headline, moment, name, runner_up, sentence, title
from songid.report_model import warp_words

_WIDTH = 1000.0
_LEFT, _RIGHT = 64.0, 976.0
_IMAGE_ROWS = 260
_TOO_LOW_HZ = 40.0
_SCORES = (0.5, 1, 2, 5, 10, 20, 50, 100, 200)
_WEIGHTS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_FREQUENCIES_HZ = (100, 250, 500, 1000, 2000, 3000, 4000, 5000, 7000, 10000, 15000, 20000)
_MOST_OTHER = 1500
_NEAR_S = 0.1
_MANY = 250
_LETTER = 6.6
"""About how wide a letter is at 12 pixels, in a wide font."""


def picture(why: Explanation) -> bytes:
    """The explanation as an SVG."""
    said = wrapped(sentence(why), _WIDTH - 2 * 24, 14.5)
    top = 62.0 + 20 * len(said)
    told = facts(why)
    low = top + 30 + 300
    table = low + (468 if why.evidence is not None else 60)
    drawing = svg.document(_WIDTH, table + 19 * len(told) + 24, sentence(why), STYLE)
    text(drawing, 24, 40, headline(why), "head " + ("yes" if why.found else "no"))
    for number, words in enumerate(said):
        text(drawing, 24, 66 + 20 * number, words, "say")
    _draw_spectrogram(drawing, why, top + 30)
    if why.evidence is not None:
        _draw_seconds(drawing, why, why.evidence, low + 88)
        _draw_lags(drawing, why, why.evidence, low + 228)
        _draw_candidates(drawing, why, low + 228)
    for row, (what, how) in enumerate(told):
        text(drawing, 24, table + 19 * row, what, "soft")
        text(drawing, 120, table + 19 * row, fitted(how, _WIDTH - 144, 12))
    return svg.written(drawing)


# -- panels -------------------------------------------------------------------------------


def _draw_spectrogram(drawing: Element, why: Explanation, top: float) -> None:
    top_hz = why.rate_hz / 2
    end_s = why.start_s + why.duration_s
    box = Box(_LEFT, top, _RIGHT - _LEFT, 300.0, why.start_s, end_s)
    heading(drawing, box, "The window's spectrogram and its landmarks", "time in the file, min:s")
    image = base64.b64encode(spectrogram(why.samples, why.rate_hz, _IMAGE_ROWS)).decode()
    shape(
        drawing,
        "image",
        x=box.left,
        y=box.top,
        width=box.width,
        height=box.height,
        preserveAspectRatio="none",
        href=f"data:image/png;base64,{image}",
    )
    for frequency in (each for each in _FREQUENCIES_HZ if each < top_hz):
        y = box.y(height_at(frequency, top_hz))
        line(drawing, box.left - 4, y, box.left, y, "tick")
        label = f"{frequency // 1000} kHz" if frequency >= 1000 else f"{frequency} Hz"
        text(drawing, box.left - 7, y + 4, label, "soft end")
    if why.evidence is not None and why.evidence.points is not None:
        _draw_landmarks(drawing, box, why.evidence, why.evidence.points, why.start_s, top_hz)
    shape(drawing, "rect", "frame", x=box.left, y=box.top, width=box.width, height=box.height)
    time_axis(drawing, box)
    _legend(drawing, why, box.bottom + 40)


def _draw_landmarks(
    drawing: Element,
    box: Box,
    evidence: Evidence,
    points: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    start_s: float,
    top_hz: float,
) -> None:
    """Peaks as dots; landmarks as lines from anchor to target, as one path each kind."""
    x = box.left + box.width * points[:, [0, 2]] / (box.x1 - box.x0)
    height = height_of(np.maximum(points[:, [1, 3]], _TOO_LOW_HZ), top_hz)
    y = box.top + box.height * (1 - np.clip(height, 0, 1))
    x = np.clip(x, box.left, box.right)
    # One that spans no time is no pair of peaks, but all of a moment.
    pairs = bool((points[:, 0] != points[:, 2]).any())
    dots = np.unique(np.stack((x.ravel(), y.ravel()), axis=1).round(1), axis=0)
    peaks = shape(drawing, "g", "peak")
    for left, up in dots.tolist() if pairs else ():
        shape(peaks, "circle", cx=left, cy=up, r=1.3)
    other = np.flatnonzero(evidence.other)
    other = other[:: len(other) // _MOST_OTHER + 1]
    as_well, aligned = np.flatnonzero(evidence.as_well), np.flatnonzero(evidence.aligned)
    for css, chosen in (("other", other), ("as-well", as_well), ("aligned", aligned)):
        if not len(chosen):
            continue
        # Variants of one hash are drawn once.
        ends = np.unique(np.concatenate((x[chosen], y[chosen]), axis=1).round(1), axis=0)
        path = "".join(f"M{a:g} {c:g}L{b:g} {d:g}" for a, b, c, d in ends.tolist())
        shape(drawing, "path", f"{css} many" if len(ends) > _MANY else css, d=path)
        if css == "aligned" and pairs:
            anchors = shape(drawing, "g", "anchor")
            for a, c in sorted({(a, c) for a, _, c, _ in ends.tolist()}):
                shape(anchors, "circle", cx=a, cy=c, r=2)


def _legend(drawing: Element, why: Explanation, y: float) -> None:
    if why.evidence is None:
        return
    aligned, other = int(why.evidence.aligned.sum()), int(why.evidence.other.sum())
    as_well = int(why.evidence.as_well.sum())
    rest = why.looked_up - aligned - other
    parts = [
        ("aligned", f"{aligned:,} landmarks agree on the lag"),
        ("other", f"{other:,} are elsewhere in the recording"),
        ("peak", f"peaks, with those of {rest:,} that are not in it"),
    ]
    if as_well:
        also = fitted(title(why, why.evidence.heard_as_well), 170, 12)
        parts[2:] = [("as-well", f"{as_well:,} of “{also}”"), ("peak", "peaks of all")]
    if why.evidence.points is None:
        words = "; ".join(words for _, words in parts[:2])
        text(drawing, _LEFT, y + 4, f"{words}; they cannot be drawn", "soft")
        return
    x = _LEFT
    for css, words in parts:
        if css == "peak":
            shape(drawing, "circle", css, cx=x + 8, cy=y, r=2)
        else:
            line(drawing, x, y + 4, x + 18, y - 4, css)
        if css == "aligned":
            shape(drawing, "circle", "anchor", cx=x, cy=y + 4, r=2)
        text(drawing, x + 25, y + 4, words, "soft")
        x += 46 + _LETTER * len(words)


def _draw_seconds(drawing: Element, why: Explanation, evidence: Evidence, top: float) -> None:
    """What each second adds, under the spectrogram's own time."""
    end_s = why.start_s + why.duration_s
    tempo = why.candidates[0].warp.tempo
    most = max(1.0, 1.3 * float(evidence.seconds.max(initial=0.0)))
    box = Box(_LEFT, top, _RIGHT - _LEFT, 70.0, why.start_s, end_s, most)
    total = float(evidence.seconds.sum())
    heading(
        drawing,
        box,
        "Evidence by second",
        f"{total:.2f} in all, less {evidence.discount:.2f} for answering at any lag, is the score"
        f" of {why.candidates[0].score:.2f}",
    )
    grid(drawing, box, ticks(0, most, 4, _SCORES))
    for second, value in enumerate(evidence.seconds.tolist()):
        left = box.x(why.start_s + second / tempo)
        right = min(box.right, box.x(why.start_s + (second + 1) / tempo))
        if value > 0 and right - left > 1:
            y = box.y(value)
            bar = shape(
                drawing, "rect", "chosen", x=left + 1, y=y, width=right - left - 2,
                height=box.bottom - y,
            )  # fmt: skip
            hint(bar, f"second {second + 1}: {value:.2f}")
            if right - left > 26:
                text(drawing, (left + right) / 2, y - 3, f"{value:.2f}", "soft middle")
    floor(drawing, box)


def _draw_lags(drawing: Element, why: Explanation, evidence: Evidence, top: float) -> None:
    """What weight gathers at each lag; of the lags in one pixel's column the best."""
    lags, chosen = evidence.lags, why.candidates[0]
    recording = why.recordings.get(chosen.recording_id)
    low = float(min(lags.lags_s.min(initial=0.0), chosen.lag_s))
    length_s = recording.duration_s if recording else 0.0
    high = float(max(lags.lags_s.max(initial=0.0), length_s, chosen.lag_s, low + 1))
    most = 1.15 * float(lags.weights.max(initial=0.0)) or 1.0
    box = Box(_LEFT, top, 420.0, 150.0, low, high, most)
    near = np.abs(lags.lags_s - chosen.lag_s) <= _NEAR_S
    peak = float(lags.weights[near].max(initial=0.0))
    times = f"{peak / lags.next_best:.1f} times the next best" if lags.next_best else ""
    heading(drawing, box, "Weight at each lag of the recording", times)
    grid(drawing, box, ticks(0, most, 5, _WEIGHTS))
    column = np.rint(box.width * (lags.lags_s - low) / (high - low)).astype(np.int64)
    best = np.zeros(int(box.width) + 1)
    np.maximum.at(best, column, lags.weights)
    spikes = np.flatnonzero(best)
    path = "".join(
        f"M{svg.number(box.left + at)} {svg.number(box.bottom)}V{svg.number(box.y(best[at]))}"
        for at in spikes.tolist()
    )
    shape(drawing, "path", "lag", d=path)
    at = box.x(chosen.lag_s)
    line(drawing, at, box.bottom, at, box.y(peak), "lag best")
    after = at < box.left + box.width / 2
    text(
        drawing,
        at + (7 if after else -7),
        box.y(peak) + 4,
        f"lag {moment(chosen.lag_s, tenths=True)}",
        "label on" if after else "label on end",
    )
    y = box.y(min(lags.chance, most))
    line(drawing, box.left, y, box.right, y, "chance")
    floor(drawing, box)
    for second in ticks(low, high, 6, SECONDS):
        x = box.x(second)
        line(drawing, x, box.bottom, x, box.bottom + 4, "tick")
        text(drawing, x, box.bottom + 17, moment(second), "soft middle")
    text(
        drawing,
        box.left,
        box.bottom + 36,
        "place in the recording, min:s; dashed: a lag picked blindly",
        "soft",
    )


def _draw_candidates(drawing: Element, why: Explanation, top: float) -> None:
    """Scores against what is needed."""
    chosen = why.candidates[0]
    shown = why.candidates[:5]
    most = 1.08 * max(*(each.score for each in shown), *(each.needed for each in shown), 1.0)
    box = Box(540.0, top, _RIGHT - 540.0, 150.0, 0.0, most)
    heading(drawing, box, f"Score; {chosen.needed:.2f} is needed for {why.threshold * 100:g} %")
    for value in ticks(0, most, 6, _SCORES):
        x = box.x(value)
        line(drawing, x, box.top, x, box.bottom, "grid")
        text(drawing, x, box.bottom + 17, f"{value:g}", "soft middle")
    shape(drawing, "path", "frame", d=f"M{box.left} {box.top}V{box.bottom}H{box.right}")
    for needed in sorted({each.needed for each in shown}):
        line(drawing, box.x(needed), box.top, box.x(needed), box.bottom, "needed")
    for row, each in enumerate(shown):
        _draw_candidate(drawing, why, each, box, row)
    warped = " under that warp" if len({each.needed for each in shown}) > 1 else ""
    text(drawing, box.left, box.bottom + 36, f"score; dashed: what is needed{warped}", "soft")


def _draw_candidate(
    drawing: Element, why: Explanation, each: Candidate, box: Box, row: int
) -> None:
    y = box.top + 4 + 29 * row
    also = why.evidence is not None and each.recording_id == why.evidence.heard_as_well
    css = ("also" if also else "rival") if row else "chosen"
    bar = shape(
        drawing, "rect", css,
        x=box.left, y=y + 14, width=max(1.0, box.x(each.score) - box.left), height=9,
    )  # fmt: skip
    hint(bar, runner_up(why, each))
    notes = [f"{each.score:.2f}"]
    if row:
        notes.append("own landmarks" if each.on_its_own else "same landmarks")
    if warp_words(each.warp) and (not row or each.warp != why.candidates[0].warp):
        notes.append(warp_words(each.warp))
    note = ", ".join(notes)
    text(drawing, box.right, y + 10, note, "soft on end")
    room = box.width - _LETTER * len(note) - 20
    text(drawing, box.left + 4, y + 10, fitted(name(why, each.recording_id), room, 12), "on")
