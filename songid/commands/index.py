"""`songid index`: add files to the catalogue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from songid.commands.context import (
    Context,
    ExitCode,
    json_option,
    pass_context,
    print_json,
    progress,
    shown,
    source_of,
)

if TYPE_CHECKING:
    from songid.catalogue.indexing import Indexed

_MOST_LISTED = 200


@click.command()
@click.argument(
    "paths",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="FOLDER|FILE...",
)
@click.option("--workers", type=click.IntRange(0), default=0, help="Processes; default: all cores.")
@json_option
@pass_context
def index(context: Context, paths: tuple[Path, ...], workers: int, as_json: bool) -> None:
    """Add songs to the catalogue.

    Folders are searched for audio files. A file that is there already is skipped, one that
    changed replaces what it was; it may be interrupted and run again at any time.
    """
    from songid.catalogue.indexing import walk
    from songid.catalogue.reading import Work

    work = [Work(path, source) for source, path in {source_of(p): p for p in walk(paths)}.items()]
    app = context.app
    done: list[Indexed] = []
    with progress(quiet=as_json) as shows:
        task = shows.task("Indexing", len(work))
        try:
            # One by one, so that an interrupt leaves those that are final already.
            done.extend(app.index(work, workers=workers, on_read=lambda source: task.advance(1)))
        except KeyboardInterrupt:
            _report(done, len(work), as_json=as_json)
            click.echo(
                f"songid: interrupted after {len(done)} of {len(work)} files. What is counted above"
                " is kept; run it again to continue with the rest.",
                err=True,
            )
            raise click.exceptions.Exit(ExitCode.INTERRUPTED) from None
    _report(done, len(work), as_json=as_json)
    if any(each.outcome == "failed" for each in done):
        raise click.exceptions.Exit(ExitCode.FILES_FAILED)


def _report(done: Sequence[Indexed], files: int, *, as_json: bool) -> None:
    counts = Counter(each.outcome.value for each in done)
    twins = [each for each in done if each.recording and each.recording.same_audio_as]
    new = [each for each in done if each.outcome in ("added", "replaced")]
    failed = [each for each in done if each.outcome == "failed"]
    if as_json:
        print_json(
            {
                "files": files,
                **{name: counts[name] for name in ("added", "replaced", "skipped", "failed")},
                "same_audio": len(twins),
                "results": [
                    {
                        "source": each.source,
                        "outcome": each.outcome.value,
                        "note": each.note,
                        "recording_id": each.recording.recording_id if each.recording else "",
                        "same_audio_as": each.recording.same_audio_as if each.recording else "",
                    }
                    for each in done
                ],
            }
        )
        return
    from songid.report_model import length_words

    _list("Notes:", [each for each in new if each.note])
    _list("Left out:", failed)
    new_s = sum(each.recording.duration_s for each in new if each.recording)
    click.echo(
        f"{counts['added']} added, {counts['replaced']} replaced ({length_words(new_s)}),"
        f" {counts['skipped']} already there, {counts['failed']} failed"
        + (f"; {len(twins)} with the same audio as another" if twins else "")
    )
    if not files:
        click.echo("No audio files were found there.", err=True)


def _list(heading: str, some: Sequence[Indexed]) -> None:
    if some:
        click.echo(heading, err=True)
        for each in some[:_MOST_LISTED]:
            click.echo(f"  {shown(each.source)}: {shown(each.note)}", err=True)
        if len(some) > _MOST_LISTED:
            click.echo(f"  and {len(some) - _MOST_LISTED} more (--json lists all)", err=True)
