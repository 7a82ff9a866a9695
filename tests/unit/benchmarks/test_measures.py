"""What the parts make of their answers and rows, without any music."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from benchmarks.answers import Answer
from benchmarks.bench import chosen
from benchmarks.engine import EPOCH
from benchmarks.measures_broadcast import edges
from benchmarks.measures_recall import answer
from benchmarks.queries import Excerpt, Query

from songid.model import Play
from songid.testing.comparison import Row
from songid.testing.distortions import DISTORTIONS


def play(recording_id: str, confidence: float, score: float, offset_s: float = 0.0) -> Play:
    return Play("bench", recording_id, EPOCH, EPOCH, offset_s, 10.0, confidence, score, 50)


class Engine:
    """Answers as told: plays from a confidence on."""

    def __init__(self, *plays: Play) -> None:
        self.titles = {"a": "a.ogg", "b": "b.ogg"}
        self._plays = plays

    def hear_decoded(self, samples: np.ndarray) -> list[object]:
        assert samples.dtype == np.float32
        return []

    def plays(self, heards: list[object], *, accept: float = 0.99) -> list[Play]:
        return [each for each in self._plays if each.confidence >= accept]


def asked(known: bool, *plays: Play) -> Answer:
    samples = np.zeros(100, dtype=np.int16)
    query = Query(Excerpt(known, 1, Path("x/a.ogg")), "room", 10.0, 42.0, 1.03, samples)
    return answer(Engine(*plays), query)


def test_a_weak_right_answer_is_kept_though_it_is_not_found() -> None:
    got = asked(True, play("a", 0.6, 4.0, 42.5), play("b", 0.2, 3.0))
    assert (got.found, got.placed, got.wrong) == (False, False, ())
    assert got.rank == (0.6, 4.0)
    assert (got.wrong_confidence, got.wrong_score) == (0.2, 3.0)
    assert got.offset_error_s == 0.5


def test_of_several_answers_the_best_right_one_counts_and_wrong_ones_are_named() -> None:
    got = asked(True, play("a", 1.0, 9.0, 70.0), play("a", 1.0, 12.0, 42.1), play("b", 1.0, 20.0))
    assert (got.found, got.placed, got.wrong) == (True, True, ("b.ogg",))
    assert got.rank == (1.0, 12.0)
    assert got.offset_error_s == pytest.approx(0.1)


def test_whatever_unknown_music_is_called_is_wrong() -> None:
    weak, named = asked(False, play("b", 0.4, 3.5)), asked(False, play("a", 0.995, 6.0))
    assert (weak.found, weak.wrong, weak.rank) == (False, (), (0.4, 3.5))
    assert (named.found, named.wrong, named.rank) == (False, ("a.ogg",), (0.995, 6.0))
    assert asked(False).rank == (0.0, 0.0)


def row(audible_s: float, start_s: float | None, end_s: float | None) -> Row:
    plays = 0 if start_s is None else 1
    return Row("a", 0.0, 100.0, audible_s, 90.0, plays, start_s, end_s, 0.0)


def test_starts_and_ends_that_were_not_reported_are_not_near() -> None:
    found, near, far = edges([row(90, 0.5, -1.9), row(80, None, None), row(3, None, None)])
    assert (found.value, found.trials) == (0.5, 2)
    assert (near.value, near.trials) == (0.5, 4)
    assert far.value == pytest.approx(1.9, abs=0.1)
    assert near.reached is False


def test_distortions_are_chosen_by_how_their_names_begin() -> None:
    assert chosen(None) == tuple(DISTORTIONS)
    assert chosen(["white", "room"]) == (
        "room", "white noise 10 dB", "white noise 0 dB", "white noise -5 dB",
    )  # fmt: skip
    with pytest.raises(SystemExit, match="no distortion begins with 'x'"):
        chosen(["room", "x"])
