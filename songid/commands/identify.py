"""`songid identify`: what is in files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from songid.commands.context import (
    Context,
    ExitCode,
    json_option,
    length,
    pass_context,
    print_json,
    progress,
)
from songid.errors import AudioError

if TYPE_CHECKING:
    from songid.listening.identify import Identified
    from songid.progress import Progress


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...|-")
@json_option
@pass_context
def identify(context: Context, files: tuple[str, ...], as_json: bool) -> None:
    """Tell which recordings are in files; - reads one from standard input.

    With --json one file gives a document, several give one on each line.
    """
    found_any = failed = False
    with progress(quiet=as_json) as shows:
        for file in files:
            name = "standard input" if file == "-" else file
            try:
                found = _identified(context, file, name, shows)
            except AudioError as error:
                failed = True
                _print_error(error, name, as_json=as_json, line=len(files) > 1)
                continue
            found_any |= bool(found.plays)
            if as_json:
                from songid.jobs.answers import identified_document

                print_json(identified_document(found), indent=None if len(files) > 1 else 2)
            else:
                _print(found, heading=len(files) > 1)
    if failed:
        raise click.exceptions.Exit(ExitCode.FILES_FAILED)
    if not found_any:
        raise click.exceptions.Exit(ExitCode.NOTHING_FOUND)


def _identified(context: Context, file: str, name: str, shows: Progress) -> Identified:
    source: Path | BinaryIO = sys.stdin.buffer if file == "-" else Path(file)
    with context.app.open_audio(source, name) as audio:
        whole_s = audio.declared_s
        task = shows.task(f"{name}, seconds heard", whole_s and round(whole_s))
        return context.app.identify_audio(
            audio, source=name, progress=lambda heard_s: task.advance(round(heard_s) - task.done)
        )


def _print_error(error: AudioError, name: str, *, as_json: bool, line: bool) -> None:
    click.echo(f"songid: {error}", err=True)
    if as_json:
        from songid.jobs.answers import error_document

        print_json(error_document(name, error.reason), indent=None if line else 2)


def _print(found: Identified, *, heading: bool) -> None:
    from songid.listening.identify import seconds
    from songid.progress import print_table
    from songid.report_model import confidence_word, warp_words

    if heading:
        click.echo(f"\n{found.source}")
    if found.damage:
        click.echo(
            f"damaged: {found.damage} ({length(found.heard_s)} of {length(found.duration_s)} heard)"
        )
    rows: list[tuple[float, tuple[str, ...]]] = []
    for play in found.plays:
        recording = found.recordings.get(play.recording_id)
        notes = [warp_words(play.warp)] if warp_words(play.warp) else []
        if play.alternatives:
            others = [found.recordings.get(each) for each in play.alternatives]
            notes.append("or " + ", ".join(other.title if other else "?" for other in others))
        rows.append(
            (
                seconds(play.start),
                (
                    length(seconds(play.start)),
                    length(seconds(play.end)),
                    recording.artist if recording else "",
                    recording.title if recording else play.recording_id,
                    f"from {length(play.offset_s)}",
                    f"{confidence_word(play.confidence)} ({play.confidence * 100:.1f} %)",
                    "; ".join(notes),
                ),
            )
        )
    for stretch in found.unidentified:
        start, end = seconds(stretch.start), seconds(stretch.end)
        kind = stretch.kind.value if stretch.kind else "sound"
        rows.append((start, (length(start), length(end), "", f"unidentified {kind}", "", "", "")))
    for gap in found.gaps:
        start, end = seconds(gap.start), seconds(gap.end)
        rows.append((start, (length(start), length(end), "", "missing in the file", "", "", "")))
    columns = ("start", "end", "artist", "title", "offset", "confidence", "notes")
    used = [i for i in range(len(columns)) if any(row[i] for _, row in rows)]
    print_table(
        [columns[i] for i in used],
        [[row[i] for i in used] for _, row in sorted(rows)],
        right=("start", "end"),
    )
    if not found.plays:
        click.echo("Nothing that is in the catalogue was found.")
