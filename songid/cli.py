"""The `songid` command: reads settings, hands over to a command, turns errors into exit codes.

Commands live in `songid.commands`, by subject; what is heavy is imported when a command
runs, so that help comes at once.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import click

from songid import __version__
from songid.commands import (
    calibrate,
    catalogue,
    demo,
    explain,
    identify,
    index,
    listen,
    reports,
    service,
    stations,
    store,
)
from songid.commands.context import Context, ExitCode
from songid.errors import SongidError

_EPILOG = """\b
Exit codes:
    0  all went well; for `identify`: something was found
    1  `identify` found nothing; what `explain` explains was not matched
    2  it could not be done: a wrong option or setting, the store, a name that is not there
    3  some or all of the files given could not be used; the others were
   70  a defect of songid
  130  interrupted; what was reported as done is kept
"""


@click.group(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The settings file. Default: $SONGID_CONFIG, else ./songid.toml if it is there.",
)
@click.option("--store", metavar="URL", help="The store to use, as in sqlite:songid-data.")
@click.option(
    "--set",
    "settings",
    metavar="KEY=VALUE",
    multiple=True,
    help="Set any key of the settings, as in listening.threshold=0.95; may be repeated.",
)
@click.version_option(__version__, prog_name="songid")
@click.pass_context
def cli(
    context: click.Context, config: Path | None, store: str | None, settings: tuple[str, ...]
) -> None:
    """Tell which known recordings were heard, where, when and for how long.

    Begin with `songid index FOLDER`, then `songid identify FILE`; for stations `songid run`
    or `songid backfill`, then `songid report`.
    """
    context.obj = context.with_resource(Context(config, store, settings))


cli.add_command(index.index)
cli.add_command(catalogue.catalogue)
cli.add_command(identify.identify)
cli.add_command(explain.explain)
cli.add_command(stations.backfill)
cli.add_command(stations.plays)
cli.add_command(reports.report)
cli.add_command(listen.listen)
cli.add_command(service.run)
cli.add_command(service.plugins)
cli.add_command(service.settings)
cli.add_command(store.store)
cli.add_command(calibrate.calibrate)
cli.add_command(demo.demo)


def run(arguments: Sequence[str]) -> int:
    """Run a command line, without the program's name; returns the exit code."""
    try:
        code = cli.main(args=list(arguments), prog_name="songid", standalone_mode=False)
        sys.stdout.flush()
        return int(code or 0)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return ExitCode.IMPOSSIBLE
    except SongidError as error:
        click.echo(f"songid: {error}", err=True)
        return ExitCode.IMPOSSIBLE
    except (click.Abort, KeyboardInterrupt):
        click.echo("songid: interrupted; what was reported as done is kept", err=True)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has seen enough. Python would complain on closing it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OUTPUT_CLOSED
    except Exception:
        traceback.print_exc()
        click.echo(
            "songid: this is a defect of songid, not of what you gave it; please report it"
            f" with the lines above (version {__version__})",
            err=True,
        )
        return ExitCode.DEFECT


def main() -> None:
    """The entry point of the `songid` script."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":  # where there is no script, as in the function's image
    main()
