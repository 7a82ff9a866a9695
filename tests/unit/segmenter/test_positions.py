from __future__ import annotations

from fractions import Fraction

from songid.segmenter.positions import TICKS_HZ, Positions

BASE = Fraction(1, 1000)
MS = TICKS_HZ // 1000


def test_the_first_packet_is_at_nought_wherever_the_streams_clock_stands() -> None:
    positions = Positions()
    assert positions.place(712_345, 20, BASE) == (0, 20 * MS, "")
    assert positions.place(712_365, 20, BASE)[0] == 20 * MS


def test_packets_without_timestamps_follow_one_another() -> None:
    positions = Positions()
    placed = [positions.place(None, 20, BASE)[0] for _ in range(3)]
    assert placed == [0, 20 * MS, 40 * MS]


def test_a_jump_forward_is_a_hole() -> None:
    positions = Positions()
    positions.place(0, 20, BASE)
    position, _, broken = positions.place(6020, 20, BASE)
    assert position == 6020 * MS
    assert "6.0 s are missing" in broken
    assert positions.place(6040, 20, BASE)[2] == ""


def test_timestamps_that_begin_anew_do_not_move_the_position() -> None:
    for stamp in (0, 10**9):
        positions = Positions()
        positions.place(500_000, 20, BASE)
        position, _, broken = positions.place(stamp, 20, BASE)
        assert position == 20 * MS
        assert "anew" in broken
        assert positions.place(stamp + 20, 20, BASE) == (40 * MS, 20 * MS, "")


def test_rounded_timestamps_are_no_holes() -> None:
    positions = Positions()
    stamps = [round(number * 26.122) for number in range(1000)]
    assert not any(positions.place(stamp, 26, BASE)[2] for stamp in stamps)


def test_another_track_goes_on_where_the_last_one_ended() -> None:
    positions = Positions()
    positions.place(0, 20, BASE)
    positions.restart()
    assert positions.place(77, 20, BASE) == (20 * MS, 20 * MS, "")
