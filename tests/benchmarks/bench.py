"""`make bench`: measures songid on the machine it runs on and keeps the numbers.

Without MUSIC it composes its music; with it, a quarter of the files is held out as
unknown. The table shows each number beside its target, a page and a chart show it to
people, and the JSON keeps all that led to it, so that `make bench-compare` can hold two
runs against each other.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.engine import open_engine
from benchmarks.material import composed_music, music_of, single, speech_of
from benchmarks.measures_broadcast import measure_broadcasts
from benchmarks.measures_dynamodb import measure_dynamodb
from benchmarks.measures_function import measure_function
from benchmarks.measures_index import measure_index, measure_search
from benchmarks.measures_lambda import measure_lambda
from benchmarks.measures_listening import measure_long_file, measure_sounds, measure_unknown
from benchmarks.measures_postgresql import measure_postgresql
from benchmarks.measures_recall import measure_recall
from benchmarks.measures_segments import measure_dynamodb_segments, measure_postgresql_segments
from benchmarks.measures_speed import measure_speed
from benchmarks.page import write_page
from benchmarks.queries import Queries, plan
from benchmarks.relatives import truly_unknown
from benchmarks.results import Section, as_text, keep

from songid.testing.distortions import DISTORTIONS

MUSIC_PARTS = ("speed", "index", "search", "recall", "unknown", "sounds", "long", "broadcast")
SERVER_PARTS = ("dynamodb-segments", "postgresql-segments", "function-segment")
"""Parts that need music, and a server: DynamoDB Local (Java, Maven), or the PostgreSQL of tests."""
CLOUD_PARTS: Mapping[str, Callable[[Path], Section]] = {
    "dynamodb": measure_dynamodb,
    "lambda": measure_lambda,
    "postgresql": measure_postgresql,
}
"""Parts that need no music, but what only tests need beside songid; each gets a folder."""
PARTS = (*MUSIC_PARTS, *SERVER_PARTS, *CLOUD_PARTS)


def main() -> None:
    """Read the options, measure the parts asked for, print the table, keep the JSON."""
    options = _options()
    sections: list[Section] = []
    about: dict[str, object] = {}
    with tempfile.TemporaryDirectory(prefix="songid-bench-") as name:
        if set(options.parts) & {*MUSIC_PARTS, *SERVER_PARTS}:
            about = _measure_music(options, Path(name), sections)
        for part in options.parts:
            if part in CLOUD_PARTS:
                _add(sections, CLOUD_PARTS[part](Path(name)))
    path = keep(sections, options.out, {**about, "options": _plain(options)})
    print("\n" + as_text(sections).rsplit("\n", 1)[-1])
    page, chart = write_page(path)
    print(f"kept in {path}; to look at: {page}" + (f", {chart}" if chart else ""))


def _measure_music(
    options: argparse.Namespace, folder: Path, sections: list[Section]
) -> dict[str, object]:
    """Measure the parts that need music; what it was."""
    out: Path = options.out
    if options.music:
        music = music_of(options.music)
    else:
        music = composed_music(out / "music", options.pieces, os.cpu_count() or 1)
    speech, spoken = speech_of(options.speech, options.speech_minutes * 60)
    names = chosen(options.distortions)
    store = folder / "songs"
    # Everything below is asked of the catalogue that this part writes.
    index = measure_index(music.indexed, store)
    parts: dict[str, Callable[[], Section]] = {
        "speed": lambda: measure_speed(music.files, options.speed_minutes * 60),
        "index": lambda: index,
        "search": lambda: measure_search(
            music.indexed, unknown, folder / "many-songs", options.recordings
        ),
        "recall": lambda: measure_recall(
            store,
            Queries(out, music.files, options.speech, engine.listener.rate_hz),
            plan(single(music), options.excerpts, known=True),
            plan(music.unknown, options.unknown_excerpts, known=False),
            names,
            left_out={path.name for path in music.unknown} - {path.name for path in unknown},
            workers=options.workers,
        ),
        "unknown": lambda: measure_unknown(engine, unknown),
        "sounds": lambda: measure_sounds(engine, music.unknown, speech, spoken),
        "long": lambda: measure_long_file(music.files, store, folder, options.long_hours),
        "broadcast": lambda: measure_broadcasts(
            engine, music.indexed, unknown, speech, folder, hours=options.hours
        ),
        "dynamodb-segments": lambda: measure_dynamodb_segments(
            music.indexed, unknown, options.recordings, folder
        ),
        "postgresql-segments": lambda: measure_postgresql_segments(
            music.indexed, unknown, options.recordings, folder
        ),
        "function-segment": lambda: measure_function(
            music.indexed, min(options.recordings, 200), folder
        ),
    }
    with open_engine(store) as engine:
        unknown, relatives = truly_unknown(engine, music.unknown, music.indexed)
        print("\n".join([music.name, *relatives]), flush=True)
        for part in options.parts:
            if part in parts:
                _add(sections, parts[part]())
    return {"music": music.name, "speech": spoken, "left_out": relatives}


def chosen(beginnings: Sequence[str] | None) -> tuple[str, ...]:
    """The distortions whose names begin so, all without any; SystemExit if none does."""
    if not beginnings:
        return tuple(DISTORTIONS)
    for beginning in beginnings:
        if not any(name.startswith(beginning) for name in DISTORTIONS):
            raise SystemExit(f"no distortion begins with {beginning!r}: {', '.join(DISTORTIONS)}")
    return tuple(name for name in DISTORTIONS if name.startswith(tuple(beginnings)))


def _add(sections: list[Section], section: Section) -> None:
    sections.append(section)
    print(as_text([section]).rsplit("\n", 2)[0], flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    add = parser.add_argument
    add("--music", type=Path, help="a folder of music (default: composed pieces)")
    add("--speech", type=Path, help="a folder of speech (default: a talking sound)")
    add("--out", type=Path, default=Path("bench-out"), help="where JSON and pieces are kept")
    add("--parts", nargs="+", choices=PARTS, default=list(MUSIC_PARTS), help="what to measure")
    add("--pieces", type=int, default=48, help="composed pieces, if no music is given")
    add("--excerpts", type=int, default=60, help="known excerpts per cell of the recall table")
    add("--unknown-excerpts", type=int, default=40, help="the same of unknown music")
    add("--distortions", nargs="+", metavar="NAME", help="only those whose names begin so")
    add("--workers", type=int, help="processes that build and ask queries (default: all cores)")
    add("--recordings", type=int, default=1000, help="recordings of the catalogue searched")
    add("--speed-minutes", type=float, default=60, help="music for the speed measures")
    add("--speech-minutes", type=float, default=10, help="speech for the kinds of sound")
    add("--hours", type=float, default=2, help="hours of broadcast")
    add("--long-hours", type=float, default=4, help="hours of the long file")
    return parser.parse_args()


def _plain(options: argparse.Namespace) -> dict[str, object]:
    return {k: str(v) if isinstance(v, Path) else v for k, v in vars(options).items()}


if __name__ == "__main__":
    main()
