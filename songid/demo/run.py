"""The demo from end to end, in the folder it is given: compose, index, air, listen, report."""

from __future__ import annotations

import json
import multiprocessing
import os
import shlex
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path

import click

from songid.app import App
from songid.catalogue.indexing import Outcome
from songid.catalogue.reading import Work
from songid.demo.listening import listen
from songid.demo.material import PIECES, Music, compose_music, own_music
from songid.demo.stations import MINUTES, STATIONS, OnAir, put_on_air
from songid.demo.verdict import print_sum, print_verdict
from songid.errors import CatalogueError
from songid.listening import calibrate
from songid.listening.calibrate import Unknown
from songid.model import ComponentURL
from songid.progress import Progress, Task
from songid.settings import Settings
from songid.stations import STREAMS_PREFIX
from songid.testing.comparison import Comparison
from songid.worker_processes import worker_pool

_MARK = ".made-by-songid-demo"
_MADE = ("music", "inbox", "songid-data", "events", "reports", "songid.toml")
_WORKERS = 2
# More would make the rate surer, but is not worth a wait.
_CALIBRATED_S = 1500.0


def run(
    out: Path, music_folder: Path | None, *, keep: bool = False, minutes: float = MINUTES
) -> None:
    """Do it all, with so many minutes of each station, and tell how it went.

    CatalogueError if `out` is not the demo's to use, or `music_folder` has too little music.
    """
    out = out.resolve()
    _clear(out, keep=keep)
    steps = _Steps()
    settings = _settings(out)
    workers = max(_WORKERS, os.cpu_count() or 1)
    with App(settings) as app, _pool(workers) as pool:
        now = app.clock()
        if music_folder:
            with steps.step("Looking at your music, files") as task:
                music = own_music(music_folder, pool, lambda: task.advance(1))
        else:
            with steps.step("Composing pieces of music", PIECES) as task:
                music = compose_music(out / "music", pool, lambda: task.advance(1))
        for note in music.notes:
            click.echo(f"  {note}", err=True)
        with steps.step("Indexing songs", len(music.known)) as task:
            titles = _index(app, music, task)
        with steps.step("Putting stations on air", len(STATIONS)) as task:
            streams = out / "inbox" / STREAMS_PREFIX
            on_air = put_on_air(music, streams, now, minutes, pool, lambda: task.advance(1))
        with steps.step("Listening, 12-second segments", sum(s.segments for s in on_air)) as task:
            listen(
                app,
                [each.station.name for each in on_air],
                pool,
                lambda heard: task.advance(heard - task.done),
            )
        with steps.step("Measuring false plays, songs", len(music.songs)) as task:
            _calibrate(app, music, task)
        with steps.step("Writing reports", len(on_air)) as task:
            index = _report(app, on_air, task)
        compared = [
            print_verdict(each, app.plays(each.station.name, each.start, each.end), titles)
            for each in on_air
        ]
    _tell(out, steps, music, on_air, compared, index)


# -- the folder -----------------------------------------------------------------------


def _clear(out: Path, *, keep: bool) -> None:
    """Take away what an earlier demo made there, and nothing else."""
    mark = out / _MARK
    if out.exists() and not out.is_dir():
        raise CatalogueError(f"{out} is a file; name a folder with --out")
    if out.is_dir() and any(out.iterdir()) and not mark.exists():
        raise CatalogueError(
            f"{out} was not made by the demo, which clears its folder; name another with --out"
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
        mark.touch()
        for name in _MADE:
            made = out / name
            if name == "music" and keep:
                continue
            if made.is_dir() and not made.is_symlink():
                shutil.rmtree(made)
            else:
                made.unlink(missing_ok=True)
        (out / "songid.toml").write_text(_toml(), "utf-8")
    except OSError as error:
        raise CatalogueError(f"{out} cannot be written: {error.strerror or error}") from error


def _settings(out: Path) -> Settings:
    """The same as songid.toml there says to songid run in it; the user's own play no part."""
    return Settings(
        store=ComponentURL.build("sqlite", str(out / "songid-data")).text,
        inbox=ComponentURL.build("folder", str(out / "inbox"), {"settle_s": "0"}).text,
        sinks=(ComponentURL.build("file", str(out / "events"), {"format": "ndjson"}).text,),
        reports=ComponentURL.build("folder", str(out / "reports")).text,
        stations={station.name: station.settings for station in STATIONS},
    )


def _toml() -> str:
    lines = ["# Run songid in this folder, and it works on what the demo left.", ""]
    lines += ['sinks = ["file:events?format=ndjson"]']
    for station in STATIONS:
        lines += ["", f"[stations.{station.name}]"]
        lines += [f"{key} = {json.dumps(getattr(station, key))}" for key in ("title", "timezone")]
    return "\n".join(lines) + "\n"


# -- the steps ------------------------------------------------------------------------


class _Steps:
    """The demo's steps, each shown while it lasts, and how long each took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str, total: int | None = None) -> Iterator[Task]:
        began = time.monotonic()
        with Progress() as shows:
            yield shows.task(name, total)
        self.seconds[name.partition(",")[0]] = time.monotonic() - began


@contextmanager
def _pool(workers: int) -> Iterator[Executor]:
    with worker_pool(workers, _nothing) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            raise


def _nothing() -> None:
    """A worker of the demo needs no beginning."""


def _index(app: App, music: Music, task: Task) -> dict[str, str]:
    """Index what is to be known; returns the title of each recording by its id."""
    by_source = {}
    for song in music.known:
        assert isinstance(song.sound, Path)
        by_source[song.sound.resolve().as_uri()] = song
    titles = {}
    work = [Work(Path(str(song.sound)), source) for source, song in by_source.items()]
    for indexed in app.index(work):
        task.advance(1)
        if indexed.recording is not None:
            titles[indexed.recording.recording_id] = by_source[indexed.source].title
        if indexed.outcome is Outcome.FAILED:
            click.echo(f"  {indexed.source}: {indexed.note}", err=True)
    return titles


def _calibrate(app: App, music: Music, task: Task) -> None:
    """Measure false plays, as `songid calibrate` does, with each song as if it were missing."""
    ids = {recording.source: recording.recording_id for recording in app.store.recordings()}
    unknown: list[Unknown] = []
    seconds = 0.0
    for song in [*music.unknown, *music.known]:
        assert isinstance(song.sound, Path)
        if seconds >= _CALIBRATED_S:
            break
        seconds += song.duration_s
        own = ids.get(song.sound.resolve().as_uri())
        unknown.append(Unknown(song.sound, frozenset({own} if own else ())))
    at: set[Path] = set()

    def progress(path: Path, heard_s: float) -> None:
        if path not in at:
            at.add(path)
            task.advance(1)

    measured, _ = calibrate.measure(
        app.listener,
        unknown,
        app.play_rules,
        recordings=len(ids),
        now=app.clock(),
        material=f"{seconds / 60:.0f} min of the demo's music, each song as if it were missing",
        progress=progress,
    )
    calibrate.keep(app.store, measured)


def _report(app: App, on_air: Sequence[OnAir], task: Task) -> Path | None:
    """Render yesterday of every station; returns the page that links the reports."""
    for each in on_air:
        app.report(each.station.name, each.start.date())
        task.advance(1)
    pages = [path for path in app.report_index() if path.endswith(".html")]
    return Path(pages[0]) if pages else None


# -- what is said at the end ----------------------------------------------------------


def _tell(
    out: Path,
    steps: _Steps,
    music: Music,
    on_air: Sequence[OnAir],
    compared: Sequence[Comparison],
    index: Path | None,
) -> None:
    print_sum(compared)
    took = ", ".join(f"{name[0].lower()}{name[1:]} {s:.1f} s" for name, s in steps.seconds.items())
    click.echo(f"\nIt took {sum(steps.seconds.values()):.0f} s: {took}.")
    if index is not None:
        click.echo(f"\nThe report: {index.as_uri()}")
    songid = _program()
    one = shlex.quote(str(music.known[0].sound))
    station = on_air[0].station.name
    click.echo(
        f"\nTo go on, in {shlex.quote(str(out))}:\n"
        f"  {songid} plays {station}\n"
        f"  {songid} identify {one}\n"
        f"  {songid} catalogue list\n"
        f"and with your own songs: {songid} demo --music FOLDER (or make demo MUSIC=FOLDER)"
    )


def _program() -> str:
    """How to call songid from a shell."""
    beside = Path(sys.executable).with_name("songid")
    found = shutil.which("songid")
    if found is None and beside.exists():
        return shlex.quote(str(beside))
    return "songid"
