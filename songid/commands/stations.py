"""`songid backfill` and `songid plays`: a station's past into the journal, and its log out."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from songid.commands.context import (
    Context,
    ExitCode,
    count,
    json_option,
    length,
    pass_context,
    print_json,
    progress,
)
from songid.commands.days import chosen_day
from songid.errors import CatalogueError

if TYPE_CHECKING:
    from datetime import datetime

    from songid.jobs.outcomes import JobResult


@click.command()
@click.argument("station")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--pattern",
    required=True,
    metavar="STRFTIME",
    help="How the names carry times, as in '%Y-%m-%d_%H-%M-%S' or '%Y%m%d/%H'.",
)
@click.option("--timezone", metavar="ZONE", help="The names' time zone. Default: the station's.")
@click.option("--workers", type=click.IntRange(0), default=0, help="Processes; default: all cores.")
@click.option("--dry-run", is_flag=True, help="Only list the recordings with their times.")
@pass_context
def backfill(
    context: Context,
    station: str,
    folder: Path,
    pattern: str,
    timezone: str | None,
    workers: int,
    dry_run: bool,
) -> None:
    """Hear a logger's recordings, whose names carry times, as STATION's past.

    What was heard before is not heard again, so it may be interrupted and run again.
    """
    from songid.jobs.backfill import announce_span, hear_recordings, logger_url
    from songid.jobs.outcomes import JobOutcome, job_key
    from songid.report_model import length_words

    app, settings = context.app, context.settings
    zone = timezone or settings.station(station).timezone
    url = logger_url(station, str(folder.resolve()), pattern, zone)
    source = app.open_source(url)
    items = list(source.items())
    # A logger's source tells what is wrong with names; another's need not.
    problems: list[str] = list(getattr(source, "problems", []))
    source.close()
    if dry_run:
        for item in items:
            click.echo(f"{item.start}  {item.name}")
        _tell(problems)
        return
    if not items:
        _tell(problems)
        raise CatalogueError(f"{folder}: no complete recording there has a time in its name")
    keys = [job_key(item) for item in items]
    heard_before = app.store.completed(keys)
    new = [item for item in items if job_key(item) not in heard_before]
    span: tuple[datetime, datetime] | None = None
    counts: Counter[JobOutcome] = Counter()
    seconds = 0.0
    cores = workers or settings.index.workers or os.cpu_count() or 1
    _ = app.catalogue  # a store of another fingerprinter is refused before any work
    with progress() as shows:
        task = shows.task(f"Hearing {station}, megabytes", sum(i.size_bytes for i in new) // 10**6)
        for result in hear_recordings(settings, url, new, workers=cores):
            task.advance(result.item.size_bytes // 10**6)
            counts[result.outcome] += 1
            seconds += sum(heard.duration_s for heard in result.heards)
            problems += _problem(result)
            for heard in result.heards:
                first, last = span or (heard.start, heard.end)
                span = min(first, heard.start), max(last, heard.end)
    announced = announce_span(app, station, *span) if span else None
    _tell(problems)
    click.echo(
        f"{count(counts[JobOutcome.DONE], 'recording')} heard ({length_words(seconds)}),"
        f" {len(heard_before)} were before, {counts[JobOutcome.REFUSED]} cannot be,"
        f" {counts[JobOutcome.LATER] + counts[JobOutcome.ELSEWHERE]} left for another run"
    )
    if announced and announced.waiting:
        click.echo(f"{announced.waiting} events wait for a sink to take them", err=True)
    click.echo(f"The reports: songid report --station {station} --all")
    if counts[JobOutcome.REFUSED] or counts[JobOutcome.LATER]:
        raise click.exceptions.Exit(ExitCode.FILES_FAILED)


def _problem(result: JobResult) -> list[str]:
    return [f"{result.item.name}: {result.note}"] if result.note else []


def _tell(problems: list[str]) -> None:
    for problem in problems:
        click.echo(f"songid: {problem}", err=True)


@click.command()
@click.argument("station")
@click.option("--date", "day", metavar="DATE", help="Default: the last day with anything heard.")
@json_option
@pass_context
def plays(context: Context, station: str, day: str | None, as_json: bool) -> None:
    """Show a station's log of one day, by its own clock."""
    from songid.progress import print_table
    from songid.report_model import confidence_word
    from songid.reporting.clock import day_bounds
    from songid.results import play_document

    app = context.app
    zone = app.settings.station(station).zone
    date = chosen_day(app, station, day)
    found = app.plays(station, *day_bounds(date, zone))
    recordings = app.recordings_by_id(sorted({play.recording_id for play in found}))
    if as_json:
        print_json([play_document(play, recordings.get(play.recording_id)) for play in found])
        return
    click.echo(f"{station}, {date.isoformat()} ({zone.key}): {count(len(found), 'play')}")
    rows = []
    for play in found:
        recording = recordings.get(play.recording_id)
        rows.append(
            (
                f"{play.start.astimezone(zone):%H:%M:%S}",
                f"{play.end.astimezone(zone):%H:%M:%S}",
                length(play.heard_s),
                recording.artist if recording else "",
                recording.title if recording else play.recording_id,
                length(play.offset_s),
                f"{confidence_word(play.confidence)} ({play.confidence * 100:.1f} %)",
                recording.isrc if recording else "",
            )
        )
    if rows:
        columns = ("start", "end", "aired", "artist", "title", "offset", "confidence", "isrc")
        print_table(columns, rows, right=("aired", "offset"))
