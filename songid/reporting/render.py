"""Writes a report's files in every configured format, and the index of all days.

Each day leaves a small summary beside its files; the index is built from the summaries
that are there, so running again is safe and a day whose files were deleted vanishes.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import PurePosixPath

from songid.errors import SongidError
from songid.interfaces import Folder, ReportFormat
from songid.model import RenderedFile
from songid.report_model import DailyReport, DayEntry, ReportIndex, StationEntry
from songid.reporting.summaries import (
    SUMMARY_SUFFIX,
    Summaries,
    day_entry,
    keep_summaries,
    read_summaries,
    write_summary,
)

_LONGEST_NAME = 60


class ReportError(SongidError):
    """Report formats whose files cannot all be written."""


def write_report(
    report: DailyReport, formats: Mapping[str, ReportFormat], folder: Folder
) -> list[str]:
    """Render one station's day and write it as `<station>/<file>`; the paths or URIs.

    Each file is replaced whole or not at all. What is returned are the files of the
    formats; the summary for the index lies beside them. FolderError if one cannot be
    written, ReportError if two formats want the same name.
    """
    station_folder = station_folder_name(report.station)
    rendered = _distinct(
        {name: list(format_.render(report)) for name, format_ in sorted(formats.items())}
    )
    written = [
        folder.write(f"{station_folder}/{file.name}", file.content, file.media_type)
        for file in rendered
    ]
    write_summary(folder, station_folder, report, rendered)
    return written


def write_index(folder: Folder, formats: Mapping[str, ReportFormat], now: datetime) -> list[str]:
    """Write the page that links all days and stations found in `folder`; its paths or URIs."""
    found = read_summaries(folder)
    index = _index(found, now)
    rendered = _distinct(
        {name: list(format_.render_index(index)) for name, format_ in sorted(formats.items())}
    )
    written = [folder.write(file.name, file.content, file.media_type) for file in rendered]
    keep_summaries(folder, found)
    return written


def read_index(folder: Folder, now: datetime) -> ReportIndex:
    """Collect the days whose summary and at least one rendered file are in `folder`.

    A summary that makes no sense is passed over: the report that made it can be made
    again, and the other days must not wait for it. FolderError if `folder` cannot be read.
    """
    return _index(read_summaries(folder), now)


def _index(found: Summaries, now: datetime) -> ReportIndex:
    days: dict[str, list[DayEntry]] = {}
    for name, document in sorted(found.documents.items()):
        with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
            entry = day_entry(document, name.partition("/")[0])
            present = tuple(file for file in entry.files if file.path in found.names)
            if present:
                days.setdefault(entry.station, []).append(replace(entry, files=present))
    stations = [_station(station, entries) for station, entries in days.items()]
    stations.sort(key=lambda station: (station.title.casefold(), station.station))
    return ReportIndex(tuple(stations), now)


def _station(station: str, entries: list[DayEntry]) -> StationEntry:
    newest_first = tuple(sorted(entries, key=lambda entry: entry.date, reverse=True))
    return StationEntry(station, newest_first[0].title, newest_first)


def station_folder_name(station: str) -> str:
    """A folder name for a station: readable, safe on any file system, and its own.

    A name of plain letters, digits, `.`, `_` and `-` stays as it is; any other is
    simplified and gets a piece of its hash, so that no two stations share a folder.
    """
    ascii_name = unicodedata.normalize("NFKD", station).encode("ascii", "ignore").decode()
    simple = re.sub(r"[^A-Za-z0-9._-]+", "-", ascii_name).strip(".-")[:_LONGEST_NAME]
    if simple and simple == station:
        return simple
    digest = hashlib.sha256(station.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{simple}-{digest}" if simple else digest


def _distinct(rendered: Mapping[str, Sequence[RenderedFile]]) -> list[RenderedFile]:
    """All files in one list; ReportError where two formats want the same name."""
    by_name: dict[str, str] = {}
    for format_name, files in rendered.items():
        for file in files:
            plain = PurePosixPath(file.name).name == file.name and file.name not in ("", "..")
            if not plain or file.name.endswith(SUMMARY_SUFFIX):
                raise ReportError(
                    f"report format {format_name!r} may not name a file {file.name!r}"
                )
            other = by_name.setdefault(file.name, format_name)
            if other != format_name:
                raise ReportError(
                    f"report formats {other!r} and {format_name!r} both write {file.name}; "
                    "leave one of them out of report_formats"
                )
    return [file for files in rendered.values() for file in files]
