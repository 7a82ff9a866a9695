"""`make bench-scale`: measures songid against a catalogue of many recordings.

Beside the real music it holds made-up recordings whose hashes are distributed as the
music's are. What is made is kept in the output folder, so that a second run is quick.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from benchmarks.bench import chosen
from benchmarks.engine import open_engine, open_fingerprinter
from benchmarks.material import composed_music, music_of
from benchmarks.measures_scale import CLEAN, ask_catalogue, summary
from benchmarks.queries import Queries, plan
from benchmarks.relatives import truly_unknown
from benchmarks.resources import stopwatch
from benchmarks.results import as_text, keep
from benchmarks.scale_catalogue import scale_catalogue

from songid.progress import Progress

_NAMES = (
    "MP3",
    "radio",
    "telephone mu-law",
    "white noise 0",
    "white noise -5",
    "pink noise 0",
    "pink noise -5",
    "speech over",
)
_TENTH = 10


def main() -> None:
    """Make the catalogues, ask them all the same, print the table, keep the JSON."""
    options = _options()
    out: Path = options.out
    workers = options.workers or os.cpu_count() or 1
    if options.music:
        music = music_of(options.music)
    else:
        music = composed_music(out / "music", options.pieces, workers)
    names = list(dict.fromkeys((CLEAN, *chosen(options.distortions))))
    stores, made_s = [], []
    for recordings in (0, options.recordings // _TENTH, options.recordings):
        print(f"a catalogue of {recordings or 'the real'} recordings ...", flush=True)
        with stopwatch() as watch:
            folder = out / f"scale-{recordings}"
            stores.append(scale_catalogue(folder, music, recordings, workers))
        made_s.append(watch.wall_s)
    with open_engine(stores[0]) as engine:
        unknown, relatives = truly_unknown(engine, music.unknown, music.indexed)
    print("\n".join([music.name, *relatives]), flush=True)
    left_out = {path.name for path in music.unknown} - {path.name for path in unknown}
    known = plan(music.indexed, options.excerpts, known=True)
    excerpts = [*known, *plan(music.unknown, options.unknown_excerpts, known=False)]
    queries = Queries(out, music.files, options.speech, open_fingerprinter().sample_rate_hz)
    asked = []
    with Progress() as progress:
        queries.build(excerpts, names, workers, progress)
        task = progress.task("asking catalogues", len(stores))
        for store in stores:
            asked.append(ask_catalogue(store, queries, excerpts, names, left_out))
            task.advance()
    section = summary(asked[0], asked[1], asked[2], names)
    section.details["made_s"] = made_s
    settings = {k: str(v) if isinstance(v, Path) else v for k, v in vars(options).items()}
    path = keep([section], out / "scale", {"music": music.name, "options": settings})
    print(as_text([section]))
    print(f"kept in {path}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-scale", description=__doc__)
    add = parser.add_argument
    add("--recordings", type=int, default=20_000, help="recordings of the large catalogue")
    add("--music", type=Path, help="a folder of music (default: composed pieces)")
    add("--speech", type=Path, help="a folder of speech (default: a talking sound)")
    add("--out", type=Path, default=Path("bench-out"), help="where all that is made is kept")
    add("--pieces", type=int, default=48, help="composed pieces, if no music is given")
    add("--excerpts", type=int, default=80, help="excerpts of known music")
    add("--unknown-excerpts", type=int, default=80, help="excerpts of unknown music")
    add("--distortions", nargs="+", metavar="NAME", default=_NAMES, help="names begin so")
    add("--workers", type=int, help="processes that make what is missing (default: all cores)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
