"""`songid catalogue ...`: look at what is indexed, mend its metadata, remove, merge."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from songid.commands.catalogue_files import (
    EDITABLE,
    cleaned,
    edited,
    export,
    import_,
    row_of,
    write_csv,
)
from songid.commands.context import (
    Context,
    count,
    json_option,
    length,
    pass_context,
    print_json,
    shown,
    size,
    source_of,
)
from songid.errors import CatalogueError

if TYPE_CHECKING:
    from songid.app import App
    from songid.model import Recording

_SHORTEST_PREFIX = 4


@click.group()
def catalogue() -> None:
    """Look at the catalogue, mend its metadata, remove recordings."""


catalogue.add_command(export)
catalogue.add_command(import_)


@catalogue.command("list")
@click.option("--search", metavar="TEXT", help="Only recordings in whose metadata this is found.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@json_option
@pass_context
def list_(context: Context, search: str | None, as_csv: bool, as_json: bool) -> None:
    """List the recordings."""
    from songid.progress import print_table

    found = sorted(
        context.app.store.recordings(),
        key=lambda r: (r.artist.casefold(), r.album.casefold(), r.title.casefold(), r.recording_id),
    )
    if search:
        found = [recording for recording in found if _mentions(recording, search.casefold())]
    if as_json:
        print_json([row_of(recording) for recording in found])
    elif as_csv:
        write_csv(sys.stdout, found)
    elif not found:
        click.echo("No recordings." if search else "The catalogue is empty: songid index FOLDER")
    else:
        print_table(
            ("id", "artist", "title", "album", "length", "isrc"),
            [
                (r.recording_id, r.artist, r.title, r.album, length(r.duration_s), r.isrc)
                for r in found
            ],
            right=("length",),
        )


def _mentions(recording: Recording, text: str) -> bool:
    values = [getattr(recording, name) for name in EDITABLE]
    values += [recording.recording_id, shown(recording.source)]
    return any(text in value.casefold() for value in values)


@catalogue.command()
@click.argument("recording_id", metavar="ID")
@json_option
@pass_context
def show(context: Context, recording_id: str, as_json: bool) -> None:
    """Show all that is known of one recording. The first letters of an ID suffice."""
    (recording,) = find(context.app, [recording_id], removed=True)
    row = row_of(recording) | {
        "audio_sha256": recording.audio_sha256,
        "content_sha256": recording.content_sha256,
        "removed_at": recording.removed_at.isoformat() if recording.removed_at else "",
    }
    if as_json:
        print_json(row)
        return
    for name, value in row.items():
        if value not in ("", None):
            click.echo(f"{name:15} {shown(str(value))}")


@catalogue.command()
@click.argument("recording_ids", nargs=-1, metavar="[ID...]")
@click.option("--source", metavar="PATH", help="Remove what came from this file or folder.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_context
def remove(context: Context, recording_ids: tuple[str, ...], source: str | None, yes: bool) -> None:
    """Remove recordings: they are no longer found, but old plays keep their names."""
    app = context.app
    if not recording_ids and not source:
        raise click.UsageError("name recordings by their IDs, or --source PATH")
    chosen = find(app, recording_ids)
    if source:
        chosen += _from_source(app, source)
    chosen = list({recording.recording_id: recording for recording in chosen}.values())
    if not chosen:
        raise CatalogueError(f"nothing in the catalogue came from {source}")
    for recording in chosen[:20]:
        click.echo(f"  {recording.recording_id}  {recording.artist} - {recording.title}", err=True)
    if len(chosen) > 20:
        click.echo(f"  and {len(chosen) - 20} more", err=True)
    if not yes:
        click.confirm(f"Remove {len(chosen)} from the catalogue?", abort=True, err=True)
    app.catalogue.remove([recording.recording_id for recording in chosen])
    click.echo(f"{len(chosen)} removed")


def _from_source(app: App, source: str) -> list[Recording]:
    uri = source if "://" in source else source_of(source)
    return [
        recording
        for recording in app.store.recordings()
        if recording.source == uri or recording.source.startswith(uri.rstrip("/") + "/")
    ]


@catalogue.command()
@click.argument("recording_id", metavar="ID")
@click.option("--title")
@click.option("--artist")
@click.option("--album")
@click.option("--label")
@click.option("--isrc")
@pass_context
def edit(context: Context, /, recording_id: str, **values: str | None) -> None:
    """Change a recording's metadata; an empty text clears it."""
    (recording,) = find(context.app, [recording_id])
    given = {name: value for name, value in values.items() if value is not None}
    if not given:
        raise click.UsageError("say what is to be changed, as in --title 'New title'")
    changes = cleaned(given)
    changed = edited(recording, changes)
    context.app.store.update_recordings([changed])
    click.echo(f"{recording.recording_id}: {', '.join(changes)} changed")


@catalogue.command()
@pass_context
def merge(context: Context) -> None:
    """Merge volumes now, and clear what was merged before."""
    app = context.app
    before = len(app.store.volumes())
    merges = app.catalogue.merge()
    click.echo(f"{count(merges, 'merge')}; {before} volumes before, {len(app.store.volumes())} now")


@catalogue.command()
@json_option
@pass_context
def stats(context: Context, as_json: bool) -> None:
    """Show how large the catalogue is, and what a posting and an hour of audio cost."""
    from songid.report_model import length_words

    app = context.app
    recordings, volumes = app.store.recordings(), app.store.volumes()
    hours = sum(recording.duration_s for recording in recordings) / 3600
    postings = sum(volume.postings for volume in volumes)
    page_bytes = sum(volume.size_bytes for volume in volumes)
    numbers = {
        "recordings": len(recordings),
        "removed": len(app.store.removed_ids()),
        "hours": round(hours, 3),
        "postings": postings,
        "volumes": len(volumes),
        "page_bytes": page_bytes,
        "bytes_per_posting": round(page_bytes / postings, 3) if postings else None,
        "bytes_per_hour": round(page_bytes / hours) if hours else None,
        "store_bytes": _store_bytes(context.settings.store),
        "fingerprinter": app.fingerprinter.identity,
    }
    if as_json:
        print_json(numbers)
        return
    click.echo(f"recordings       {numbers['recordings']} ({numbers['removed']} removed)")
    click.echo(f"audio            {length_words(hours * 3600)}")
    click.echo(f"postings         {postings:,} in {count(len(volumes), 'volume')}")
    if postings and hours:
        per_hour = size(page_bytes / hours)
        click.echo(
            f"their pages      {size(page_bytes)}: {page_bytes / postings:.2f} bytes per posting,"
            f" {per_hour} per hour of audio"
        )
    if numbers["store_bytes"] is not None:
        click.echo(f"store on disk    {size(_store_bytes(context.settings.store) or 0)}")
    click.echo(f"fingerprinter    {numbers['fingerprinter']}")


def _store_bytes(url: str) -> int | None:
    """What the store takes on disk, journal and all, where its URL names a local path."""
    from songid.model import ComponentURL

    path = ComponentURL.parse(url).path
    if not path or not Path(path).exists():
        return None
    files = [Path(path)] if Path(path).is_file() else Path(path).rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


def find(app: App, names: Sequence[str], *, removed: bool = False) -> list[Recording]:
    """Recordings by their ids or the beginnings of them; CatalogueError if one is not there."""
    there = {r.recording_id: r for r in app.store.recordings()} if names else {}
    if removed:
        there |= {r.recording_id: r for r in app.store.recordings(removed=True)}
    found: list[Recording] = []
    for name in names:
        if name in there:
            found.append(there[name])
            continue
        close = [key for key in there if key.startswith(name) and len(name) >= _SHORTEST_PREFIX]
        if len(close) != 1:
            what = f"{len(close)} recordings begin so" if close else "no recording has it"
            raise CatalogueError(f"{name}: {what}; see `songid catalogue list`")
        found.append(there[close[0]])
    return found
