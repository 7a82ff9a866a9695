"""Comparing plays with the truth: what counts as right, missed, wrong and false."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from songid.model import Play
from songid.testing.broadcasts import Aired, AiredKind
from songid.testing.comparison import compare, describe

START = datetime(2025, 3, 1, 10, 0, tzinfo=UTC)
TITLES = {"id-a": "A", "id-b": "B", "id-c": "C"}


def aired(title: str, start_s: float, end_s: float, offset_s: float = 0.0) -> Aired:
    return Aired(AiredKind.RECORDING, title, start_s, end_s, offset_s)


def hole(start_s: float, end_s: float) -> Aired:
    return Aired(AiredKind.HOLE, "", start_s, end_s)


def play(recording_id: str, start_s: float, end_s: float, offset_s: float = 0.0) -> Play:
    return Play(
        station="one",
        recording_id=recording_id,
        start=START + timedelta(seconds=start_s),
        end=START + timedelta(seconds=end_s),
        offset_s=offset_s,
        heard_s=end_s - start_s,
        confidence=1.0,
        score=10.0,
        landmarks=100,
    )


def test_the_truth_itself_is_all_right() -> None:
    truth = [aired("A", 0, 100), aired("B", 97, 200)]
    result = compare(truth, [play("id-a", 0, 100), play("id-b", 97, 200)], TITLES, START)
    assert result.known_s == 203
    assert result.right_share == 1.0
    assert result.wrong_s == 0
    assert result.false_plays == ()
    assert (result.start_error_s, result.end_error_s, result.offset_error_s) == (0, 0, 0)


def test_crossfades_ask_for_both_songs() -> None:
    truth = [aired("A", 0, 100), aired("B", 90, 200)]
    result = compare(truth, [play("id-a", 0, 90), play("id-b", 90, 200)], TITLES, START)
    assert result.missed_s == 10
    assert [row.end_error_s for row in result.rows] == [-10, 0]


def test_holes_are_neither_known_nor_wrong() -> None:
    truth = [aired("A", 0, 100), hole(40, 60)]
    bridged = compare(truth, [play("id-a", 0, 100)], TITLES, START)
    split = compare(truth, [play("id-a", 0, 40), play("id-a", 60, 100, 60)], TITLES, START)
    for result in (bridged, split):
        assert result.known_s == 80
        assert result.right_share == 1.0
        assert result.wrong_s == 0
        assert result.offset_error_s == 0


def test_a_play_of_what_was_not_on_is_false_and_all_wrong() -> None:
    result = compare([aired("A", 0, 100)], [play("id-c", 20, 50)], TITLES, START)
    assert result.right_share == 0.0
    assert result.wrong_s == 30
    assert [p.recording_id for p in result.false_plays] == ["id-c"]


def test_the_right_recording_at_the_wrong_time_is_false() -> None:
    result = compare([aired("A", 0, 100)], [play("id-a", 150, 180)], TITLES, START)
    assert len(result.false_plays) == 1
    assert result.wrong_s == 30
    assert result.missed_s == 100


def test_a_small_overrun_is_not_wrong_but_a_long_one_is() -> None:
    near = compare([aired("A", 10, 100)], [play("id-a", 9, 101)], TITLES, START)
    assert near.wrong_s == 0
    far = compare([aired("A", 10, 100)], [play("id-a", 10, 130)], TITLES, START)
    assert far.wrong_s == 28
    assert far.false_plays == ()
    assert far.end_error_s == 30


def test_doubled_plays_do_not_count_twice() -> None:
    result = compare(
        [aired("A", 0, 100)], [play("id-a", 0, 60), play("id-a", 0, 60)], TITLES, START
    )
    assert result.right_s == 60
    assert result.rows[0].plays == 2


def test_offsets_are_held_to_the_recordings_time_also_at_speed() -> None:
    truth = [Aired(AiredKind.RECORDING, "A", 0, 100, offset_s=30, speed=1.03)]
    result = compare(truth, [play("id-a", 50, 100, 30 + 51.5)], TITLES, START)
    assert result.offset_error_s == pytest.approx(0, abs=1e-9)
    late = compare(truth, [play("id-a", 50, 100, 30)], TITLES, START)
    assert late.rows[0].offset_error_s == pytest.approx(-51.5)


def test_nothing_known_and_nothing_reported_is_right() -> None:
    result = compare([Aired(AiredKind.UNKNOWN, "x", 0, 60)], [], TITLES, START)
    assert result.right_share == 1.0
    assert "0 false plays" in describe(result)


def test_the_description_names_every_recording() -> None:
    truth = [aired("A", 0, 100), aired("B", 97, 200)]
    text = describe(compare(truth, [play("id-a", 2, 100, 2)], TITLES, START))
    lines = text.splitlines()
    assert len(lines) == 4
    assert lines[1].endswith("A")
    assert "98.0%" in lines[1]
    assert "  -" in lines[2]
