"""What songid heard held against what was on air, said to the person who ran the demo.

Nothing is left out: what was missed, what was named wrongly, and what was rightly left
without a name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import click

from songid.demo.stations import OnAir
from songid.model import Play
from songid.progress import print_table
from songid.report_model import warp_words
from songid.testing.broadcasts import Aired, AiredKind
from songid.testing.comparison import Comparison, Row, compare

# Neighbours are faded into one another; so much of a stretch may be theirs.
_FADE_S = 5.0
# Of a song that falls into a hole but for so much, nothing can be asked.
_LEAST_S = 5.0
_COLUMNS = ("time", "on air", "for", "reported", "start", "end")


def print_verdict(on_air: OnAir, plays: Sequence[Play], titles: Mapping[str, str]) -> Comparison:
    """Print a station's running order with what was heard; `titles` as `compare` takes them."""
    station, start = on_air.station, on_air.start
    compared = compare(on_air.truth, plays, titles, start)
    places = f"{start:%H:%M} to {_at(on_air, on_air.end):%H:%M}, {station.timezone}"
    click.echo(f"\n{station.title}, {start:%A %d %B %Y}, {places}")
    recordings = {(row.start_s, row.title): row for row in compared.rows}
    rows = []
    for aired in on_air.truth:
        if aired.kind is AiredKind.SPEECH and _under_talk(aired, on_air.truth):
            continue
        row = recordings.get((aired.start_s, aired.title))
        if row is None:
            said = _of_other(aired, plays, titles, start), "", ""
        else:
            same = [play for play in plays if titles.get(play.recording_id) == row.title]
            said = _of_recording(row, [p for p in same if _overlap_s(p, aired, start) > 0])
        at = _at(on_air, start + timedelta(seconds=aired.start_s))
        rows.append((f"{at:%H:%M:%S}", _name(aired), _length(aired.duration_s), *said))
    print_table(_COLUMNS, rows, right=("for", "start", "end"))
    return compared


def print_sum(compared: Sequence[Comparison]) -> None:
    """Print one honest sentence about all stations."""
    known_s, right_s = (sum(getattr(c, name) for c in compared) for name in ("known_s", "right_s"))
    wrong_s = sum(each.wrong_s for each in compared)
    false = sum(len(each.false_plays) for each in compared)
    rows = [row for each in compared for row in each.rows if row.audible_s >= _LEAST_S]
    missed = sorted({row.title for row in rows if not row.plays})
    share = right_s / known_s if known_s else 1.0
    click.echo(
        f"\nOf {_length(known_s)} in which music of the catalogue was on air, {share * 100:.1f} %"
        f" was reported right; {known_s - right_s:.0f} s were missed, {wrong_s:.0f} s reported"
        " wrongly."
    )
    found = sum(row.plays > 0 for row in rows)
    click.echo(f"{_count(len(rows), 'song')} aired, {found} found, {_count(false, 'false play')}.")
    if missed:
        click.echo(f"Not found at all: {', '.join(missed)}.")


def _of_recording(row: Row, plays: Sequence[Play]) -> tuple[str, str, str]:
    if row.start_error_s is None or row.end_error_s is None:
        return "NOT FOUND" if row.audible_s >= _LEAST_S else "hardly recorded", "", ""
    said = [f"right, {100 * row.right_s / row.audible_s:.0f} %"]
    if len(plays) > 1:
        said.append(f"in {len(plays)} parts")
    said += sorted({words for play in plays if (words := warp_words(play.warp))})
    return ", ".join(said), _error(row.start_error_s), _error(row.end_error_s)


def _error(seconds: float) -> str:
    return f"{seconds:+.1f} s" if abs(seconds) >= 0.05 else "0.0 s"


def _of_other(
    aired: Aired, plays: Sequence[Play], titles: Mapping[str, str], start: datetime
) -> str:
    if aired.kind is AiredKind.HOLE:
        return "gap"
    inner = replace(aired, start_s=aired.start_s + _FADE_S, end_s=aired.end_s - _FADE_S)
    wrong = [
        f"{titles.get(play.recording_id, '?')} for {overlap_s:.0f} s"
        for play in plays
        if (overlap_s := _overlap_s(play, inner, start)) >= 0.5
    ]
    return f"WRONG: {', '.join(wrong)}" if wrong else "not identified"


def _overlap_s(play: Play, aired: Aired, start: datetime) -> float:
    first, last = ((at - start).total_seconds() for at in (play.start, play.end))
    return min(last, aired.end_s) - max(first, aired.start_s)


def _name(aired: Aired) -> str:
    match aired.kind:
        case AiredKind.RECORDING:
            faster = f" ({(aired.speed - 1) * 100:.0f} % faster)" if aired.speed != 1 else ""
            return f"{aired.title}{faster}"
        case AiredKind.UNKNOWN:
            jingle = aired.title.startswith("jingle ")
            return "a jingle" if jingle else f"{aired.title} (not in the catalogue)"
        case AiredKind.SPEECH:
            return "talk"
        case AiredKind.SILENCE:
            return "silence"
        case AiredKind.HOLE:
            return "nothing recorded"


def _under_talk(talk: Aired, truth: Sequence[Aired]) -> bool:
    """Whether someone talks over music rather than alone."""
    return any(
        other.kind in (AiredKind.RECORDING, AiredKind.UNKNOWN)
        and other.start_s <= talk.start_s
        and other.end_s >= talk.end_s
        for other in truth
    )


def _at(on_air: OnAir, moment: datetime) -> datetime:
    return moment.astimezone(on_air.station.settings.zone)


def _length(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
