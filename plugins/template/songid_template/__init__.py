"""The plugin as songid sees it: what it offers and what it observes.

songid imports this module at every start, so it imports nothing heavy; each component's
module, and with it any SDK, is imported when a URL of its scheme is first opened.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from songid.hookspecs import hookimpl

if TYPE_CHECKING:
    from songid.hookspecs import RegisterSink, RegisterSource
    from songid.interfaces import Sink, Source
    from songid.model import ComponentURL, Event

__version__ = "0.1.0"

logger = logging.getLogger(__name__)


@hookimpl
def songid_sinks(register: RegisterSink) -> None:
    """A table of events in an SQLite file."""
    register("table", open_table)


@hookimpl
def songid_sources(register: RegisterSource) -> None:
    """The files that a playlist names."""
    register("playlist", open_playlist)


@hookimpl
def songid_play_started(event: Event) -> None:
    """Say what is on."""
    metadata = event.document.get("metadata", {})
    artists = ", ".join(artist["name"] for artist in metadata.get("artists", ()))
    logger.info("%s plays %s (%s)", event.station, metadata.get("title", "?"), artists or "?")


def open_table(url: ComponentURL) -> Sink:
    """Open a table sink, importing what it needs now and not before."""
    from songid_template.table_sink import open_sink

    return open_sink(url)


def open_playlist(url: ComponentURL) -> Source:
    """Open a playlist source, importing what it needs now and not before."""
    from songid_template.playlist_source import open_source

    return open_source(url)
