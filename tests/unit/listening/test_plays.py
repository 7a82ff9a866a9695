"""What plays a station's heards tell: one by one, the cases of a radio day."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from listening_material import SURE, WEAK, On, at, heard, journal, match

from songid.listening.plays import plays
from songid.listening.rules import PlayRules
from songid.model import Heard, Play, Warp

RULES = PlayRules()
Told = list[tuple[str, float, float, float]]


def seconds(play: Play) -> tuple[float, float]:
    return (play.start - at(0)).total_seconds(), (play.end - at(0)).total_seconds()


def told(heards: list[Heard], **durations_s: float) -> Told:
    """(recording, start, end, offset) of each play, in seconds from the beginning."""
    found = plays(heards, RULES, durations_s=durations_s)
    return [(play.recording_id, *seconds(play), play.offset_s) for play in found]


def close(*expected: tuple[str, float, float, float]) -> object:
    return [(name, *map(about, rest)) for name, *rest in expected]


def about(value: float) -> object:
    return pytest.approx(value, abs=0.31)


def test_a_song_of_many_windows_is_one_play() -> None:
    heards = journal([On("a", 30, 170, offset_s=15)], 240)
    assert told(heards) == close(("a", 30, 170, 15))
    (play,) = plays(heards, RULES)
    assert play.heard_s == play.duration_s
    assert play.confidence == pytest.approx(1.0)
    assert play.alternatives == ()
    assert play.landmarks == sum(m.landmarks for heard in heards for m in heard.matches)


def test_no_heards_give_no_plays() -> None:
    assert plays([], RULES) == []
    assert plays([heard(0), heard(12)], RULES) == []


def test_a_hole_of_unmatched_windows_is_bridged() -> None:
    assert told(journal([On("a", 0, 180)], 180, unseen={5, 6})) == close(("a", 0, 180, 0))


def test_a_hole_longer_than_can_be_bridged_makes_two_plays() -> None:
    found = told(journal([On("a", 0, 240)], 240, unseen=range(5, 10)))
    assert found == close(("a", 0, 60, 0), ("a", 120, 240, 120))


def test_time_not_heard_at_all_is_bridged_and_does_not_count_as_heard() -> None:
    (play,) = plays(journal([On("a", 0, 180)], 180, missing={5, 6}), RULES)
    assert seconds(play) == (about(0), about(180))
    assert play.heard_s == pytest.approx(play.duration_s - 24, abs=0.01)


def test_a_weak_sighting_continues_a_strong_neighbour() -> None:
    heards = journal([On("a", 0, 96)], 96, weak={0, 6, 7})
    assert told(heards) == close(("a", 0, 96, 0))


def test_a_lone_weak_sighting_is_not_reported() -> None:
    assert told(journal([On("a", 12, 24)], 48, weak={1})) == []
    strong = journal([On("a", 0, 60)], 200, weak={15})
    # Weak, and not where the strong one's lag leads.
    off = heard(180, match("a", 20.0, confidence=WEAK, score=2.8))
    assert told([*strong[:15], off]) == close(("a", 0, 60, 0))


def test_weak_sightings_that_agree_make_one_another_sure() -> None:
    assert told(journal([On("a", 0, 144)], 144, weak=range(12))) == close(("a", 0, 144, 0))


def test_a_loop_of_the_same_sound_resolves_to_one_play() -> None:
    heards = [
        heard(
            12 * n,
            *(match("a", 12 * n + 30 * turn, score=8.0 - 0.01 * (turn != 1)) for turn in range(4)),
        )
        for n in range(8)
    ]
    assert told(heards) == close(("a", 0, 96, 30))


def test_versions_of_one_song_resolve_to_the_better_one_which_names_the_others() -> None:
    heards = [
        heard(
            12 * n,
            match("album", 12 * n, score=8.0),
            match("radio", 12 * n - 1, score=7.6),
            match("remix", 5, score=3.0),
        )
        for n in range(6)
    ]
    (play,) = plays(heards, RULES)
    assert play.recording_id == "album"
    assert play.alternatives == ("radio",)


def test_a_crossfade_reports_both() -> None:
    heards = journal([On("a", 0, 66), On("b", 60, 132)], 132)
    assert told(heards) == close(("a", 0, 66, 0), ("b", 60, 132, 0))


def test_music_under_a_play_of_other_music_is_both() -> None:
    heards = journal([On("bed", 0, 120, offset_s=9), On("b", 36, 84)], 120)
    assert told(heards) == close(("bed", 0, 120, 9), ("b", 36, 84, 0))


def test_another_recording_that_takes_over_cuts_a_play() -> None:
    schedule = [On("a", 0, 60), On("b", 60, 84, offset_s=20), On("a", 84, 144, offset_s=84)]
    assert told(journal(schedule, 144)) == close(
        ("a", 0, 60, 0), ("b", 60, 84, 20), ("a", 84, 144, 84)
    )


def test_talk_where_another_could_have_taken_over_does_not_cut() -> None:
    schedule = [On("a", 0, 60), On("a", 84, 144, offset_s=84)]
    assert told(journal(schedule, 144)) == close(("a", 0, 144, 0))


def test_the_same_recording_twice_in_a_row_is_two_plays() -> None:
    schedule = [On("a", 0, 66), On("a", 66, 132)]
    assert told(journal(schedule, 132), a=66) == close(("a", 0, 66, 0), ("a", 66, 132, 0))


def test_a_play_goes_on_over_midnight() -> None:
    schedule = [On("a", 13.9 * 3600, 13.9 * 3600 + 900)]
    heards = [each for each in journal(schedule, 14.3 * 3600) if each.matches]
    (play,) = plays(heards, RULES)
    assert (play.start.day, play.end.day) == (1, 2)
    assert play.duration_s == pytest.approx(900, abs=1)


def test_a_faster_play_has_the_offsets_of_its_recording() -> None:
    heards = journal([On("a", 10, 130, offset_s=50, tempo=1.03)], 144)
    (play,) = plays(heards, RULES)
    assert seconds(play) == (about(10), about(130))
    assert play.offset_s == about(50)
    assert play.warp == Warp(1.03, 1.03)


# -- edges ----------------------------------------------------------------------------


@pytest.mark.parametrize("late_s", [0.0, 1.0, 10.0])
def test_a_play_seen_soon_after_its_beginning_began_there(late_s: float) -> None:
    found = plays(journal([On("a", 14, 100, late_s=late_s)], 120), RULES)
    assert seconds(found[0])[0] == pytest.approx(14, abs=0.001)
    assert found[0].offset_s == 0.0


@pytest.mark.parametrize("early_s", [0.0, 1.0, 2.5])
def test_a_play_seen_until_shortly_before_its_end_ended_there(early_s: float) -> None:
    heards = journal([On("a", 14, 100, early_s=early_s)], 120)
    (play,) = plays(heards, RULES, durations_s={"a": 86})
    assert seconds(play)[1] == pytest.approx(100, abs=0.001)


def test_a_play_seen_late_or_lost_early_is_not_stretched() -> None:
    heards = journal([On("a", 14, 100, late_s=13, early_s=6)], 120)
    ((_, *times),) = told(heards, a=86)
    assert times == pytest.approx([27, 94, 13])


def test_a_play_seen_late_begins_no_sooner_than_a_crossfade_into_the_one_before() -> None:
    heards = journal([On("b", 0, 40, offset_s=50), On("a", 30, 100, late_s=10.5)], 120)
    (_, (_, start_s, *_)) = told(heards)
    assert 35 <= start_s <= 40.5


def test_a_play_is_not_stretched_into_a_gap() -> None:
    heards = journal([On("a", 10.5, 61.5, late_s=1.5, early_s=1.5)], 96, missing={0, 5})
    ((_, *times),) = told(heards, a=51)
    assert times == pytest.approx([12, 60, 1.5])


def test_a_play_that_the_gap_follows_ends_with_what_was_heard() -> None:
    heards = journal([On("a", 0, 100)], 120, missing=range(4, 10))
    assert told(heards, a=100) == close(("a", 0, 48, 0))


# -- clocks ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "jitter_s", [(0.0, -0.9, -0.3, 0.0), (0.5, -0.5), (0.0, -0.99), (-1.0, 0.0, 0.0)]
)
def test_names_in_whole_seconds_still_make_one_play(jitter_s: tuple[float, ...]) -> None:
    schedule = [On("a", 30, 170, offset_s=15), On("b", 170, 230)]
    heards = journal(schedule, 240, jitter_s=jitter_s)
    found = told(heards, b=60)
    assert [name for name, *_ in found] == ["a", "b"]
    for (_, start_s, end_s, _), (wanted_start_s, wanted_end_s) in zip(
        found, [(30, 170), (170, 230)], strict=True
    ):
        assert start_s == pytest.approx(wanted_start_s, abs=1.3)
        assert end_s == pytest.approx(wanted_end_s, abs=1.3)


def test_a_second_either_way_makes_no_second_play() -> None:
    heards = journal([On("a", 30, 170)], 240, jitter_s=(1.0, -1.0, 0.0, -1.0, 1.0, 0.0))
    ((name, start_s, end_s, _),) = told(heards)
    assert name == "a"
    assert [start_s, end_s] == pytest.approx([30, 170], abs=2.3)


def test_a_recorder_whose_clock_drifts_makes_one_play() -> None:
    heards = journal([On("a", 0, 600)], 600)
    slow = [
        Heard(each.station, at(0) + (each.start - at(0)) * 1.002, each.duration_s, each.matches)
        for each in heards
    ]
    assert len(plays(slow, RULES)) == 1


def test_local_times_in_the_hour_that_comes_twice_are_told_apart() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    heards = journal([On("a", 0, 180)], 180)
    shift = timedelta(days=238, hours=14, minutes=58, seconds=30)
    in_utc = [
        Heard(each.station, each.start + shift, each.duration_s, each.matches) for each in heards
    ]
    assert (
        in_utc[0].start.astimezone(berlin).utcoffset()
        != in_utc[-1].end.astimezone(berlin).utcoffset()
    )
    local = [
        Heard(each.station, each.start.astimezone(berlin), each.duration_s, each.matches)
        for each in in_utc
    ]
    assert plays(local, RULES) == plays(in_utc, RULES)
    assert len(plays(in_utc, RULES)) == 1


# -- short ones -----------------------------------------------------------------------


def test_a_sample_that_two_recordings_share_is_no_play() -> None:
    assert told([heard(0), heard(12, match("a", 50, 3.0, 6.0)), heard(24)], a=180) == []


def test_a_sample_near_a_recordings_beginning_is_none_either() -> None:
    assert told([heard(0), heard(12, match("a", -5, 8.0, 9.0)), heard(24)], a=180) == []


def test_a_short_recording_played_whole_is_a_play() -> None:
    found = told([heard(0), heard(12, match("a", -3, 3.1, 5.9)), heard(24)], a=3)
    assert found == close(("a", 15, 18, 0))


def test_a_short_excerpt_may_be_all_there_is() -> None:
    alone = heard(0, match("a", 50, 0.1, 2.9), duration_s=3.0)
    assert told([alone], a=180) == close(("a", 0, 3, 50))


# -- repeats --------------------------------------------------------------------------


def test_of_two_heards_of_one_moment_the_one_that_says_more_counts() -> None:
    whole = journal([On("a", 0, 60)], 60)
    cut = [Heard(each.station, each.start, 5.0, ()) for each in whole]
    assert plays([*cut, *whole, *cut], RULES) == plays(whole, RULES)


def test_overlapping_windows_make_no_second_play() -> None:
    first = journal([On("a", 0, 120)], 120)
    shifted = [
        heard(each_s, match("a", each_s, evidence=0)) for each_s in (6.0, 18.0, 30.0, 42.0, 54.0)
    ]
    assert told([*first, *shifted]) == close(("a", 0, 120, 0))


def test_plays_of_one_recording_never_overlap_by_half() -> None:
    heards = [
        heard(12 * n, match("a", 12 * n, evidence=0), match("a", 12 * n + 33, evidence=1))
        for n in range(6)
    ]
    found = plays(heards, RULES)
    assert len(found) == 1
    assert all(one.end <= other.start for one, other in pairwise(found))
    assert found[0].confidence >= SURE
