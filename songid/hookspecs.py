"""Every hook: what a plugin may add (offers) and what it may observe (events).

An offer calls `register(scheme, open)`; `open(url)` gets a `songid.model.ComponentURL`
and returns the component. A plugin imports its SDK in `open`, never at import.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pluggy

from songid.interfaces import Fingerprinter, Folder, ReportFormat, Sink, Source, Store
from songid.model import ComponentURL, Event, Heard, Recording

PROJECT = "songid"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

Open = Callable[[ComponentURL], Any]
RegisterSource = Callable[[str, Callable[[ComponentURL], Source]], None]
RegisterFingerprinter = Callable[[str, Callable[[ComponentURL], Fingerprinter]], None]
RegisterStore = Callable[[str, Callable[[ComponentURL], Store]], None]
RegisterSink = Callable[[str, Callable[[ComponentURL], Sink]], None]
RegisterReportFormat = Callable[[str, Callable[[ComponentURL], ReportFormat]], None]
RegisterFolder = Callable[[str, Callable[[ComponentURL], Folder]], None]


# -- offers ---------------------------------------------------------------------------


@hookspec
def songid_sources(register: RegisterSource) -> None:
    """Offer audio sources."""


@hookspec
def songid_fingerprinters(register: RegisterFingerprinter) -> None:
    """Offer fingerprinters."""


@hookspec
def songid_stores(register: RegisterStore) -> None:
    """Offer stores."""


@hookspec
def songid_sinks(register: RegisterSink) -> None:
    """Offer sinks."""


@hookspec
def songid_report_formats(register: RegisterReportFormat) -> None:
    """Offer report formats."""


@hookspec
def songid_folders(register: RegisterFolder) -> None:
    """Offer places that reports and segments are written to."""


# -- events ---------------------------------------------------------------------------


@hookspec
def songid_recording_indexed(recording: Recording) -> None:
    """A recording was added to the catalogue and is searchable."""


@hookspec
def songid_heard(heard: Heard) -> None:
    """A heard was written to the journal; the same one may come again."""


@hookspec
def songid_play_started(event: Event) -> None:
    """A play was first announced."""


@hookspec
def songid_play_ended(event: Event) -> None:
    """A play's end was announced."""


@hookspec
def songid_report_rendered(station: str, date: str, files: list[str]) -> None:
    """A station's day was rendered and written; `files` are paths or URIs."""
