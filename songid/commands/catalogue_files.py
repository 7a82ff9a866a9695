"""The catalogue's metadata as CSV or JSON, out and, edited by hand, in again."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from songid.commands.context import (
    Context,
    ExitCode,
    count,
    json_option,
    pass_context,
    print_json,
)
from songid.errors import CatalogueError

if TYPE_CHECKING:
    from songid.model import Recording

EDITABLE = ("title", "artist", "album", "label", "isrc")
COLUMNS = (
    "recording_id",
    *EDITABLE,
    "duration_s",
    "source",
    "indexed_at",
    "landmarks",
    "same_audio_as",
)


def row_of(recording: Recording) -> dict[str, Any]:
    """A recording as the columns of an export."""
    row = {name: getattr(recording, name) for name in COLUMNS}
    at = recording.indexed_at
    return row | {"indexed_at": at.isoformat(timespec="seconds") if at else ""}


def write_csv(stream: TextIO, recordings: Iterable[Recording]) -> None:
    """Write recordings as CSV with a head line."""
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(row_of(recording) for recording in recordings)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@pass_context
def export(context: Context, file: Path) -> None:
    """Write all metadata to FILE.csv or FILE.json; - is CSV on standard output."""
    recordings = sorted(context.app.store.recordings(), key=lambda r: (r.source, r.recording_id))
    if str(file) == "-":
        write_csv(sys.stdout, recordings)
        return
    if file.suffix.lower() not in (".csv", ".json"):
        raise CatalogueError(f"{file}: call it .csv or .json, so that its format is known")
    try:
        with file.open("w", encoding="utf-8", newline="") as stream:
            if file.suffix.lower() == ".csv":
                write_csv(stream, recordings)
            else:
                json.dump(
                    [row_of(each) for each in recordings], stream, ensure_ascii=False, indent=1
                )
                stream.write("\n")
    except OSError as error:
        raise CatalogueError(f"{file}: it cannot be written: {error.strerror}") from error
    click.echo(f"{count(len(recordings), 'recording')} written to {file}", err=True)


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option("--dry-run", is_flag=True, help="Only tell what would be changed.")
@json_option
@pass_context
def import_(context: Context, file: Path, dry_run: bool, as_json: bool) -> None:
    """Read metadata edits from FILE.csv or FILE.json (or - for CSV) as export writes them.

    Rows are found by recording_id; title, artist, album, label and isrc are taken over
    where the file has those columns, others are ignored. It never adds recordings.
    """
    store = context.app.store
    there = {recording.recording_id: recording for recording in store.recordings()}
    changed: dict[str, Recording] = {}
    lines: list[str] = []
    problems: list[str] = []
    for number, row in enumerate(_read(file), start=1):
        recording_id = str(row.get("recording_id") or "").strip()
        recording = changed.get(recording_id) or there.get(recording_id)
        if recording is None:
            name = repr(recording_id) if recording_id else "no recording_id"
            problems.append(f"row {number}: {name} is not in the catalogue; index its file first")
            continue
        try:
            given = cleaned({name: row[name] for name in EDITABLE if row.get(name) is not None})
        except CatalogueError as error:
            problems.append(f"row {number}: {error}")
            continue
        edits = {name: value for name, value in given.items() if value != getattr(recording, name)}
        if edits:
            changed[recording_id] = edited(recording, edits)
            lines += [
                f"{recording_id} {name}: {getattr(recording, name)!r} -> {value!r}"
                for name, value in edits.items()
            ]
    if changed and not dry_run:
        store.update_recordings(list(changed.values()))
    if as_json:
        print_json(
            {"changed": len(changed), "dry_run": dry_run, "edits": lines, "problems": problems}
        )
    else:
        for line in lines if dry_run else ():
            click.echo(line)
        click.echo(f"{count(len(changed), 'recording')} {'would be ' if dry_run else ''}changed")
    for problem in problems:
        click.echo(f"{file}: {problem}", err=True)
    if problems:
        raise click.exceptions.Exit(ExitCode.FILES_FAILED)


def cleaned(values: Mapping[str, Any]) -> dict[str, str]:
    """Metadata as it is kept; CatalogueError for an empty title or what is no ISRC."""
    from songid.audio.tags import read_tags

    result = {name: " ".join(str(value).split()) for name, value in values.items()}
    if result.get("title") == "":
        raise CatalogueError("a recording's title cannot be empty")
    if result.get("isrc"):
        code = read_tags({"isrc": result["isrc"]}).isrc
        if not code:
            raise CatalogueError(f"{result['isrc']!r} is not an ISRC, such as GBAYE0601498")
        result["isrc"] = code
    return result


def edited(recording: Recording, edits: Mapping[str, str]) -> Recording:
    """The recording with other metadata."""
    values = {name: edits.get(name, getattr(recording, name)) for name in EDITABLE}
    return replace(recording, **values)


def _read(file: Path) -> list[Mapping[str, Any]]:
    """The rows of a file; CatalogueError if it cannot be read as what it is called."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8-sig")
        if file.suffix.lower() == ".json":
            rows = json.loads(text)
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise CatalogueError(f"{file}: it should be a list of objects, as export writes it")
            return rows
    except (OSError, ValueError) as error:
        raise CatalogueError(f"{file}: it cannot be read: {error}") from error
    reader = csv.DictReader(text.splitlines())
    if "recording_id" not in (reader.fieldnames or ()):
        raise CatalogueError(f"{file}: it has no column recording_id, as export writes it")
    return list(reader)
