"""`songid calibrate`: measure how often unknown music is taken for known."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from songid.commands.context import (
    Context,
    count,
    json_option,
    pass_context,
    path_of,
    print_json,
    progress,
)
from songid.errors import CatalogueError

if TYPE_CHECKING:
    from songid.app import App
    from songid.listening.calibrate import Unknown


@click.command()
@click.argument(
    "folders", nargs=-1, type=click.Path(exists=True, path_type=Path), metavar="[FOLDER...]"
)
@click.option("--limit-minutes", type=click.FloatRange(min=0, min_open=True), help="Hear no more.")
@json_option
@pass_context
def calibrate(
    context: Context, folders: tuple[Path, ...], limit_minutes: float | None, as_json: bool
) -> None:
    """Measure the catalogue's false-positive rate; reports state it.

    FOLDERs hold music that is not in the catalogue. Without any, the catalogue's own files
    are heard, each as if it alone were missing.
    """
    from dataclasses import asdict, replace

    from songid.listening import calibrate as calibration

    app = context.app
    recordings = app.store.recordings()
    if not recordings:
        raise CatalogueError("the catalogue is empty: songid index FOLDER")
    if folders:
        unknown, left_out = _foreign(app, folders)
        material = "of files that are not in the catalogue"
    else:
        unknown, left_out = _own(app)
        material = "of the catalogue's own files, each heard as if it were missing"
    if not unknown:
        raise CatalogueError("\n".join([*left_out, "no file is left to measure with"]))
    # In an order that has nothing to do with albums, and is the same at every run.
    unknown.sort(
        key=lambda each: hashlib.sha256(each.path.name.encode("utf-8", "replace")).digest()
    )
    heard: dict[Path, float] = {}
    with progress(quiet=as_json) as shows:
        task = shows.task("Seconds of unknown music", limit_minutes and round(limit_minutes * 60))

        def advance(path: Path, heard_s: float) -> None:
            heard[path] = heard_s
            task.advance(round(sum(heard.values())) - task.done)

        measured, unreadable = calibration.measure(
            app.listener,
            _until(unknown, heard, limit_minutes),
            app.play_rules,
            recordings=len(recordings),
            now=app.clock(),
            material="",
            progress=advance,
        )
    left_out += unreadable
    if not measured.windows:
        raise CatalogueError("\n".join([*left_out, "none of the files could be heard"]))
    minutes = sum(heard.values()) / 60
    material = f"{minutes:.0f} min {material} ({count(len(heard), 'file')})"
    measured = replace(measured, material=material)
    calibration.keep(app.store, measured)
    bound = calibration.upper_bound(measured.false_windows, measured.windows)
    for line in left_out:
        click.echo(f"songid: {line}", err=True)
    if as_json:
        document = asdict(measured)
        document |= {"false_positive_rate": measured.false_positive_rate, "upper_bound_95": bound}
        print_json(document | {"left_out": left_out})
        return
    click.echo(
        f"{measured.false_windows} of {count(measured.windows, 'window')} in {material} were"
        f" matched: a false-positive rate of {measured.false_positive_rate:.3%} per window, with"
        f" 95 % confidence below {bound:.3%}."
    )
    click.echo(
        f"The best score that unknown music reached was {measured.highest_score:.1f};"
        f" a match is believed from a confidence of {measured.threshold}."
    )
    click.echo(f"Kept with the catalogue of {count(measured.recordings, 'recording')}.")


def _until(
    unknown: Iterable[Unknown], heard: dict[Path, float], limit_minutes: float | None
) -> Iterator[Unknown]:
    for each in unknown:
        if limit_minutes is not None and sum(heard.values()) >= limit_minutes * 60:
            return
        yield each


def _foreign(app: App, folders: Iterable[Path]) -> tuple[list[Unknown], list[str]]:
    """Files that are not in the catalogue, and why others were left out."""
    from songid.catalogue.indexing import walk
    from songid.listening.calibrate import Unknown

    known = {recording.content_sha256: recording for recording in app.store.recordings()}
    unknown: list[Unknown] = []
    left_out: list[str] = []
    for path in walk(folders):
        try:
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            left_out.append(f"{path}: it cannot be read: {error.strerror}")
            continue
        if content in known:
            recording_id = known[content].recording_id
            left_out.append(f"{path}: it is in the catalogue ({recording_id}), so it is left out")
        else:
            unknown.append(Unknown(path))
    return unknown, left_out


def _own(app: App) -> tuple[list[Unknown], list[str]]:
    """The catalogue's files that are still there, each with all recordings of its sound."""
    from songid.listening.calibrate import Unknown

    recordings = app.store.recordings()
    same: dict[str, set[str]] = {}
    for recording in recordings:
        same.setdefault(recording.audio_sha256, set()).add(recording.recording_id)
    unknown: list[Unknown] = []
    missing = 0
    for recording in recordings:
        path = path_of(recording.source)
        if path is None or not path.is_file():
            missing += 1
            continue
        own = same[recording.audio_sha256] | {recording.recording_id}
        own |= {recording.same_audio_as} - {""}
        unknown.append(Unknown(path, frozenset(own)))
    left_out = [f"{missing} recordings' files are not there any more"] if missing else []
    return unknown, left_out
