"""`songid listen`: streams into segments, or into plays at once."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from songid.commands.context import Context, count, json_option, pass_context, print_json

if TYPE_CHECKING:
    from songid.segmenter.events import StreamEvent

log = logging.getLogger(__name__)

_REFRESH_S = 0.5


@click.command()
@click.argument("url", required=False, default="")
@click.option(
    "--station",
    "stations",
    metavar="NAME",
    multiple=True,
    help="The station; without URL, one of the settings (may be repeated). Default: all of them.",
)
@click.option(
    "--to",
    metavar="PATH|URL",
    default="",
    help="Folder that segments are written below, as in s3://bucket. Default: the inbox.",
)
@click.option("--identify", is_flag=True, help="Hear segments at once instead of writing them.")
@click.option(
    "--spool",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("songid-spool"),
    show_default=True,
    help="Folder in which segments wait to be delivered.",
)
@click.option(
    "--spool-mb",
    type=click.IntRange(1),
    default=1000,
    show_default=True,
    help="Megabytes of a station that may wait there; more drop the oldest.",
)
@click.option(
    "--patience",
    type=click.FloatRange(2, 3600),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="A reader that does nothing for so long is started anew; a stream from which nothing"
    " comes is given up after half of that.",
)
@json_option
@pass_context
def listen(
    context: Context,
    url: str,
    stations: tuple[str, ...],
    to: str,
    identify: bool,
    spool: Path,
    spool_mb: int,
    patience: float,
    as_json: bool,
) -> None:
    """Listen to a stream, or to all stations of the settings that have a source.

    URL is an Icecast or Shoutcast stream, an HLS playlist, or whatever FFmpeg reads. It is
    cut into 12-second segments, as they come, which go where `songid run` finds them; or,
    with --identify, plays are told as they are heard. Gaps are noted with their cause.
    """
    from songid.errors import SettingsError
    from songid.model import without_secrets
    from songid.segmenter.plans import plans_for
    from songid.segmenter.supervisor import Supervisor

    if identify and to:
        raise SettingsError("--identify writes no segments; leave out --to")
    plans = plans_for(
        context.settings,
        url=url,
        stations=stations,
        to=to,
        identify=identify,
        spool=spool,
        spool_bytes=spool_mb * 10**6,
        timeout_s=patience / 2,
    )
    _try_out(context, plans[0].to)
    shown = _Shown(as_json=as_json, live=not as_json and sys.stderr.isatty())
    where = without_secrets(plans[0].to) or "what is heard is identified at once"
    log.info("listening to %s; %s", count(len(plans), "station"), where)
    code = Supervisor(plans, shown.event, patience_s=patience).run()
    shown.end()
    raise click.exceptions.Exit(code)


def _try_out(context: Context, to: str) -> None:
    """What cannot be opened is to be said at once, not by each worker over and over."""
    if to:
        from songid.plugin_manager import load

        load(context.settings.plugins).open("folders", to).close()
    else:
        _ = context.app.catalogue, context.app.sinks


class _Shown:
    """Tells people (or, with `as_json`, programs) what happens.

    `live`: a line on the terminal shows how things stand.
    """

    def __init__(self, *, as_json: bool, live: bool) -> None:
        self._as_json = as_json
        self._live = live
        self._segments: dict[str, int] = {}
        self._states: dict[str, str] = {}
        self._drawn_s = 0.0
        self._width = 0

    def event(self, event: StreamEvent) -> None:
        """Show an event."""
        if self._as_json:
            print_json(event.document(), indent=None)
            sys.stdout.flush()
            return
        self._wipe()
        self._tell(event.station, event.what.value, event.details)
        if self._live:
            self._draw()

    def end(self) -> None:
        """Leave the terminal as it was."""
        self._wipe()

    def _tell(self, station: str, what: str, details: dict[str, Any]) -> None:
        again = f"; again in {details.get('again_s', 0):g} s"
        if what == "connected":
            self._states[station] = f"since {time.strftime('%H:%M:%S')}"
            log.info("%s: connected to %s (%s)", station, details["url"], details["codec"])
        elif what in ("trouble", "restarted"):
            self._states[station] = str(details["cause"])
            log.warning("%s: %s%s", station, details["cause"], again)
        elif what == "undelivered":
            log.warning("%s: a segment cannot be delivered: %s%s", station, details["cause"], again)
        elif what == "gap":
            start, length_s, cause = (details[k] for k in ("start_utc", "duration_s", "cause"))
            log.warning("%s: nothing from %s for %.1f s: %s", station, start, length_s, cause)
        elif what == "title":
            log.info("%s: title: %s", station, details["title"] or "(none)")
        elif what == "segment":
            self._segments[station] = self._segments.get(station, 0) + 1
            log.debug("%s: %s (%g s)", station, details["name"], details["duration_s"])
        elif what == "play":
            click.echo(_play_line(station, details))

    def _draw(self) -> None:
        now_s = time.monotonic()
        if now_s - self._drawn_s < _REFRESH_S:
            return
        self._drawn_s = now_s
        parts = [
            f"{station}: {count(self._segments.get(station, 0), 'segment')}, {state}"
            for station, state in sorted(self._states.items())
        ]
        import shutil

        line = " | ".join(parts)[: shutil.get_terminal_size().columns - 1]
        self._width = len(line)
        sys.stderr.write(f"\r{line}")
        sys.stderr.flush()

    def _wipe(self) -> None:
        if self._width:
            sys.stderr.write(f"\r{' ' * self._width}\r")
            self._width = 0


def _play_line(station: str, document: dict[str, Any]) -> str:
    metadata = document["metadata"]
    artists = ", ".join(artist["name"] for artist in metadata.get("artists", ()))
    title = f"{artists} - {metadata['title']}" if artists else metadata["title"]
    if document["event"] == "play_started":
        return f"{metadata['timestamp_utc']}  {station}  begins  {title}"
    end, length_s = metadata["end_timestamp_utc"], metadata["played_duration"]
    return f"{end}  {station}  ended   {title} ({length_s:.0f} s)"
