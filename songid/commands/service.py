"""`songid run`, `songid plugins` and `songid settings`."""

from __future__ import annotations

import click

from songid.commands.context import Context, json_option, parts_of, pass_context, print_json


@click.command()
@pass_context
def run(context: Context) -> None:
    """Watch the inbox, listen, announce and report, until stopped.

    Ctrl-C (or SIGTERM) lets the item at hand be finished, a second one stops at once.
    Started again, it continues where it was.
    """
    with parts_of("run"):
        from songid.scheduler import run as run_service

    raise click.exceptions.Exit(run_service(context.app))


@click.command()
@json_option
@pass_context
def plugins(context: Context, as_json: bool) -> None:
    """List what is installed, from where, what it offers, and what failed to load and why."""
    from dataclasses import asdict

    rows = context.app.plugins.listing()
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    for row in rows:
        click.echo(f"{row.name} {row.version} ({row.origin}): {row.status.value}")
        if row.why:
            click.echo(f"  why: {row.why}")
        for line in row.offers:
            click.echo(f"  {line}")
        if row.observes:
            click.echo(f"  observes: {', '.join(row.observes)}")
        for note in row.notes:
            click.echo(f"  note: {note}")


@click.group()
def settings() -> None:
    """Show the settings: in force, as an example file, or explained."""


@settings.command()
@pass_context
def show(context: Context) -> None:
    """Show the settings in force, as JSON; passwords and secrets are left out."""
    import json

    from songid.model import without_secrets

    text = without_secrets(context.settings.model_dump_json(indent=2))
    print_json(json.loads(text))


@settings.command()
def example() -> None:
    """Print a songid.toml with every key at its default."""
    from songid.settings import example as text

    click.echo(text(), nl=False)


@settings.command()
def describe() -> None:
    """Print every key, its variable, default and meaning, as a Markdown table."""
    from songid.settings import describe as text

    click.echo(text(), nl=False)
