"""What answers add up to: thresholds from unknown music, cells, targets, rows for JSON."""

from __future__ import annotations

import json
import math

import pytest
from benchmarks.answers import (
    COLUMNS,
    NO_ANSWER,
    Answer,
    as_rows,
    cells,
    from_rows,
    is_found,
    threshold,
)
from benchmarks.targets import target

from songid.testing.distortions import DISTORTIONS


def answer(
    score: float,
    *,
    known: bool = True,
    number: int = 0,
    distortion: str = "room",
    length_s: float = 10.0,
    found: bool = False,
    offset_error_s: float | None = None,
    wrong: tuple[str, ...] = (),
) -> Answer:
    confidence = min(1.0, score / 10)
    return Answer(
        known, number, "song.ogg", distortion, length_s, confidence, score, 0.0, 0.0,
        found, offset_error_s, wrong, 12.5,
    )  # fmt: skip


def unknown(*scores: float, **more: float) -> list[Answer]:
    return [answer(score, known=False, number=n, **more) for n, score in enumerate(scores)]


def test_no_more_unknown_music_than_the_rate_lies_above_its_threshold() -> None:
    strangers = unknown(*range(1000))
    for rate, above in ((0.002, 2), (0.01, 10), (0.0015, 1), (0.0, 0)):
        assert sum(is_found(a, threshold(strangers, rate)) for a in strangers) == above


def test_few_queries_allow_none_and_no_answer_is_never_found() -> None:
    strangers = unknown(3.0, 5.0, 0.0)
    assert threshold(strangers, 0.002) == (0.5, 5.0)
    assert not is_found(answer(5.0), threshold(strangers, 0.002))
    assert is_found(answer(5.1), threshold(strangers, 0.002))
    assert threshold([], 0.002) == NO_ANSWER
    assert not is_found(answer(0.0), NO_ANSWER)
    assert is_found(answer(0.1), NO_ANSWER)


def test_answers_that_are_all_certain_are_told_apart_by_their_score() -> None:
    strangers = unknown(10.0, 12.0)
    assert strangers[0].confidence == strangers[1].confidence == 1.0
    assert is_found(answer(13.0), threshold(strangers, 0.0))
    assert not is_found(answer(11.0), threshold(strangers, 0.0))


def test_a_cell_counts_what_is_found_placed_and_named() -> None:
    answers = [
        answer(9.0, number=0, found=True, offset_error_s=0.1),
        answer(8.0, number=1, found=True, offset_error_s=7.0),
        answer(4.0, number=2),
        answer(1.0, number=3),
        *unknown(3.0, 2.0, distortion="telephone mu-law"),
        answer(2.5, known=False, number=9, wrong=("other.ogg",)),
    ]
    (cell, _), thresholds = cells(answers, ["room", "telephone mu-law"], [10.0], 0.002)
    assert thresholds == {10.0: (0.3, 3.0)}, "one threshold for all distortions of a length"
    assert (cell.known, cell.found_at_rate, cell.recall) == (4, 3, 0.75)
    assert (cell.found, cell.placed) == (2, 1)
    assert (cell.unknown, cell.named) == (1, 1)
    assert cell.low < 0.75 < cell.high
    assert cell.target == 1.0
    assert cell.reached is False


def test_longer_queries_are_held_to_what_ten_seconds_gave() -> None:
    answers = [
        answer(score, number=n, distortion="pink noise -5 dB", length_s=length_s)
        for n in range(10)
        for length_s, score in ((5.0, 9.0), (10.0, 9.0), (20.0, 9.0 if n else 0.0))
    ]
    five, ten, twenty = cells(answers, ["pink noise -5 dB"], (5.0, 10.0, 20.0), 0.002)[0]
    assert (five.target, five.reached) == (None, None)
    assert (ten.target, ten.reached) == (0.80, True)
    assert (twenty.target, twenty.reached) == (1.0, False)


def test_a_cell_of_nothing_is_not_judged() -> None:
    (cell,) = cells([], ["room"], [10.0], 0.002)[0]
    assert math.isnan(cell.recall)
    assert cell.reached is None


def test_every_distortion_has_its_target_at_ten_seconds() -> None:
    assert all(target(name, 10.0) is not None for name in DISTORTIONS)
    assert target("white noise 10 dB", 10.0) == 1.0
    assert target("white noise 0 dB", 10.0) == 0.97
    assert target("white noise 0 dB", 5.0) == 0.80
    assert target("speed +4 %", 5.0) is None
    assert target("speed +4 %", 20.0, 0.5) == 0.99


def test_answers_survive_json() -> None:
    answers = [
        answer(9.0, found=True, offset_error_s=0.25, wrong=("a.ogg", "b.ogg")),
        answer(0.0, known=False),
    ]
    rows = json.loads(json.dumps(as_rows(answers)))
    assert from_rows(COLUMNS, rows) == answers
    with pytest.raises(ValueError, match="zip"):
        from_rows(COLUMNS[1:], rows)
