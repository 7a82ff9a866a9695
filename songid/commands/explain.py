"""`songid explain`: why a match was or was not made."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from songid.commands.catalogue import find
from songid.commands.context import (
    Context,
    ExitCode,
    json_option,
    pass_context,
    print_json,
    progress,
)
from songid.errors import AudioError, CatalogueError

if TYPE_CHECKING:
    from songid.app import App
    from songid.explaining.explanation import Explanation
    from songid.model import Recording

_MOST_NAMED = 5


@click.command()
@click.argument("file", metavar="FILE|-")
@click.argument("recording", required=False, metavar="[RECORDING]")
@click.option(
    "--at",
    "at_s",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Explain the window that holds this moment of the file. Default: the most telling one.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.svg",
    help="Draw it: landmarks on the spectrogram, evidence, lags and scores.",
)
@json_option
@pass_context
def explain(
    context: Context,
    file: str,
    recording: str | None,
    at_s: float | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Tell why a match was made or was not, for one window of a file.

    RECORDING is an ID, its first letters, or a part of a title that no other has; what it
    answers is explained even if another answers better, or none.
    """
    if out is not None and out.suffix.lower() != ".svg":
        raise click.UsageError(f"--out {out}: the picture is an SVG; name a file that ends in .svg")
    app = context.app
    chosen = _recording(app, recording) if recording else None
    name = "standard input" if file == "-" else file
    source: Path | BinaryIO = sys.stdin.buffer if file == "-" else Path(file)
    try:
        with progress(quiet=as_json) as shows, app.open_audio(source, name) as audio:
            whole_s = audio.declared_s
            task = shows.task(f"{name}, seconds heard", whole_s and round(whole_s))
            why = app.explain(
                audio,
                recording_id=chosen.recording_id if chosen else "",
                at_s=at_s,
                progress=lambda heard_s: task.advance(round(heard_s) - task.done),
            )
    except AudioError as error:
        click.echo(f"songid: {error}", err=True)
        if as_json:
            from songid.explaining.document import error_document

            print_json(error_document(name, error.reason))
        raise click.exceptions.Exit(ExitCode.FILES_FAILED) from None
    if out is not None:
        _draw(why, out)
    if as_json:
        from songid.explaining.document import explanation_document

        print_json(explanation_document(why))
    else:
        _print(why, out)
    if not why.found:
        raise click.exceptions.Exit(ExitCode.NOTHING_FOUND)


def _recording(app: App, wanted: str) -> Recording:
    """The recording of an id, or of a title that is meant beyond doubt."""
    there = app.store.recordings()
    text = wanted.casefold()
    for fits in (
        [each for each in there if each.recording_id == wanted],
        [each for each in there if each.title.casefold() == text],
        [each for each in there if text in f"{each.artist} - {each.title}".casefold()],
    ):
        if len(fits) == 1:
            return fits[0]
        if fits:
            raise CatalogueError(f"{wanted}: {_named(fits)}; name one by its ID")
    (found,) = find(app, [wanted])
    return found


def _named(fits: Sequence[Recording]) -> str:
    names = [f"{each.recording_id} ({each.title})" for each in fits[:_MOST_NAMED]]
    more = f" and {len(fits) - _MOST_NAMED} more" if len(fits) > _MOST_NAMED else ""
    return f"this may be {', '.join(names)}{more}"


def _draw(why: Explanation, out: Path) -> None:
    from songid.explaining.picture import picture

    try:
        out.write_bytes(picture(why))
    except OSError as error:
        raise CatalogueError(f"{out}: it cannot be written: {error.strerror}") from error


def _print(why: Explanation, out: Path | None) -> None:
    from songid.explaining.words import facts, headline, sentence

    click.echo(f"{headline(why)}: {sentence(why)}\n")
    for what, how in facts(why):
        click.echo(f"{what:11} {how}")
    if out is not None:
        click.echo(f"{'drawn':11} {out}")
