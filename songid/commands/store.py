"""`songid store migrate` and `songid store check`: make a store's tables, see what it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from songid.commands.context import (
    Context,
    ExitCode,
    count,
    json_option,
    pass_context,
    print_json,
    size,
)
from songid.errors import SongidError

if TYPE_CHECKING:
    from songid.interfaces import Store


@click.group()
def store() -> None:
    """Make a store's tables, and see whether it can be reached and what it holds."""


@store.command()
@json_option
@pass_context
def migrate(context: Context, as_json: bool) -> None:
    """Create the store's tables, or bring them to this version; what is in them is kept.

    It may be run again, also by many at once, and does nothing where nothing is to do.
    """
    from songid.interfaces import Migratable
    from songid.model import without_secrets

    name = without_secrets(context.settings.store)
    opened = context.app.store
    steps = opened.migrate() if isinstance(opened, Migratable) else []
    if as_json:
        print_json({"store": name, "steps": steps})
        return
    for step in steps:
        click.echo(step)
    if not steps:
        click.echo(f"{name}: nothing to do, it is of this version")


@store.command()
@json_option
@pass_context
def check(context: Context, as_json: bool) -> None:
    """Say whether the store can be reached, its version, and what it holds."""
    from songid.model import without_secrets

    name = without_secrets(context.settings.store)
    try:
        document = {"store": name, "reached": True, **_contents(context.app.store)}
    except SongidError as error:
        if as_json:
            print_json({"store": name, "reached": False, "error": str(error)})
            raise click.exceptions.Exit(ExitCode.IMPOSSIBLE) from None
        raise
    if as_json:
        print_json(document)
        return
    click.echo(f"{name}: reached, and of this version")
    click.echo(f"  catalogue version {document['catalogue_version']}")
    click.echo(f"  fingerprinter     {document['fingerprinter'] or 'none yet'}")
    click.echo(
        f"  {count(document['volumes'], 'volume')} with {count(document['postings'], 'posting')}"
        f" ({size(document['size_bytes'])})"
    )
    click.echo(
        f"  {count(document['recordings'], 'recording')}, {document['removed']:,} more removed"
    )
    click.echo(f"  {count(len(document['stations']), 'station')} heard")
    for station in document["stations"]:
        click.echo(f"    {station['station']}: {station['first']} to {station['last']}")


def _contents(opened: Store) -> dict[str, Any]:
    volumes = opened.volumes()
    return {
        "catalogue_version": opened.catalogue_version(),
        "fingerprinter": opened.get_meta("fingerprinter") or "",
        "volumes": len(volumes),
        "postings": sum(volume.postings for volume in volumes),
        "size_bytes": sum(volume.size_bytes for volume in volumes),
        "recordings": len(opened.recordings()),
        "removed": len(opened.removed_ids()),
        "stations": [
            {
                "station": name,
                "first": f"{first:%Y-%m-%d %H:%M:%S}Z",
                "last": f"{last:%Y-%m-%d %H:%M:%S}Z",
            }
            for name, first, last in sorted(opened.stations())
        ],
    }
