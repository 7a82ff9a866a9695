"""`songid report`: render daily reports now."""

from __future__ import annotations

import click

from songid.commands.context import Context, json_option, pass_context, print_json, progress
from songid.commands.days import chosen_day, heard_span
from songid.errors import CatalogueError


@click.command()
@click.option("--station", metavar="NAME", help="Default: every station that was heard.")
@click.option(
    "--date", "day", metavar="DATE", help="A day, `today` or `yesterday`. Default: the last heard."
)
@click.option("--all", "every", is_flag=True, help="Every day on which anything was heard.")
@json_option
@pass_context
def report(
    context: Context, station: str | None, day: str | None, every: bool, as_json: bool
) -> None:
    """Render daily reports and the page that links them; prints the files."""
    from songid.jobs.reports_due import days_heard

    if day and every:
        raise click.UsageError("--date and --all exclude each other")
    app = context.app
    stations = [station] if station else [name for name, _, _ in app.store.stations()]
    if not stations:
        raise CatalogueError("nothing was heard yet; see `songid run` and `songid backfill`")
    wanted = []
    for name in stations:
        span = heard_span(app, name)
        days = days_heard(app, name, *span) if every else [chosen_day(app, name, day)]
        wanted += [(name, each) for each in days]
    files = []
    with progress(quiet=as_json) as shows:
        task = shows.task("Rendering", len(wanted))
        for name, each in wanted:
            rendered = app.report(name, each)
            files.append({"station": name, "date": each.isoformat(), "files": rendered})
            task.advance(1)
    index = app.report_index()
    if as_json:
        print_json({"reports": files, "index": index})
        return
    for entry in files:
        for path in entry["files"]:
            click.echo(path)
    for line in index:
        click.echo(line)
