"""Writes a report's files in every configured format, and the index of all days.

Each day leaves a small summary beside its files; the index is built from the summaries
that are there, so running again is safe and a day whose files were deleted vanishes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import unicodedata
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from songid.errors import SongidError
from songid.interfaces import ReportFormat
from songid.model import RenderedFile
from songid.report_model import (
    Airtime,
    DailyReport,
    DayEntry,
    DayFile,
    ReportIndex,
    StationEntry,
)

SUMMARY_SCHEMA = "songid.day-summary/1"
_SUMMARY_SUFFIX = ".summary.json"
_LONGEST_NAME = 60


class ReportError(SongidError):
    """A report that cannot be written where the settings want it."""


def write_report(
    report: DailyReport, formats: Mapping[str, ReportFormat], folder: Path
) -> list[Path]:
    """Render one station's day and write it to `<folder>/<station>/`; returns the files.

    Each file is replaced whole or not at all. The paths returned are those of the
    formats; the summary for the index lies beside them.
    """
    station_folder = folder / station_folder_name(report.station)
    rendered = _distinct(
        {name: list(format_.render(report)) for name, format_ in sorted(formats.items())}
    )
    paths = [_write(station_folder / file.name, file.content) for file in rendered]
    summary = summary_document(report, rendered)
    content = json.dumps(summary, ensure_ascii=False, indent=1).encode()
    _write(station_folder / f"{report.date.isoformat()}{_SUMMARY_SUFFIX}", content)
    return paths


def write_index(folder: Path, formats: Mapping[str, ReportFormat], now: datetime) -> list[Path]:
    """Write the page that links all days and stations found in `folder`; returns the files."""
    index = read_index(folder, now)
    rendered = _distinct(
        {name: list(format_.render_index(index)) for name, format_ in sorted(formats.items())}
    )
    return [_write(folder / file.name, file.content) for file in rendered]


def read_index(folder: Path, now: datetime) -> ReportIndex:
    """Collect the days whose summary and at least one rendered file are in `folder`.

    A summary that cannot be read is passed over: the report that made it can be made
    again, and the other days must not wait for it.
    """
    days: dict[str, list[DayEntry]] = {}
    for path in sorted(folder.glob(f"*/*{_SUMMARY_SUFFIX}")):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            entry = day_entry(json.loads(path.read_bytes()), path.parent.name)
            present = tuple(file for file in entry.files if (folder / file.path).is_file())
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


def summary_document(report: DailyReport, files: Sequence[RenderedFile]) -> dict[str, Any]:
    """What the index needs to know of a day, as it is kept beside the day's files."""

    def share(moment: datetime) -> float:
        since_start = moment.astimezone(UTC) - report.day_start.astimezone(UTC)
        whole = timedelta(seconds=report.day_length_s)
        return round(since_start / whole, 6) if whole else 0.0

    return {
        "schema": SUMMARY_SCHEMA,
        "station": report.station,
        "title": report.title,
        "date": report.date.isoformat(),
        "timezone": report.timezone,
        "day_length_s": report.day_length_s,
        "until_share": share(report.until),
        "running": report.running,
        "sentence": report.sentence,
        "airtime": {name: getattr(report.airtime, name) for name in Airtime.__slots__},
        "plays": report.plays_started,
        "recordings": report.recordings_played,
        "gaps": [[share(gap.start), share(gap.end)] for gap in report.gaps],
        "generated_at": report.generated_at.astimezone(UTC).isoformat(),
        "files": [{"name": file.name, "media_type": file.media_type} for file in files],
    }


def day_entry(summary: Mapping[str, Any], folder_name: str) -> DayEntry:
    """Read a day's summary; ValueError, KeyError or TypeError if it is not one."""
    if summary["schema"] != SUMMARY_SCHEMA:
        raise ValueError(f"not a {SUMMARY_SCHEMA}: {summary['schema']}")
    return DayEntry(
        station=str(summary["station"]),
        title=str(summary["title"]),
        date=date.fromisoformat(summary["date"]),
        timezone=str(summary["timezone"]),
        day_length_s=float(summary["day_length_s"]),
        until_share=float(summary["until_share"]),
        running=bool(summary["running"]),
        sentence=str(summary["sentence"]),
        airtime=Airtime(**{name: float(value) for name, value in summary["airtime"].items()}),
        plays=int(summary["plays"]),
        recordings=int(summary["recordings"]),
        gaps=tuple((float(start), float(end)) for start, end in summary["gaps"]),
        generated_at=datetime.fromisoformat(summary["generated_at"]),
        files=tuple(
            DayFile(str(file["media_type"]), f"{folder_name}/{Path(file['name']).name}")
            for file in summary["files"]
        ),
    )


def _distinct(rendered: Mapping[str, Sequence[RenderedFile]]) -> list[RenderedFile]:
    """All files in one list; ReportError where two formats want the same name."""
    by_name: dict[str, str] = {}
    for format_name, files in rendered.items():
        for file in files:
            plain = Path(file.name).name == file.name and file.name not in ("", "..")
            if not plain or file.name.endswith(_SUMMARY_SUFFIX):
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


def _write(path: Path, content: bytes) -> Path:
    """Write a file so that a reader finds either the old or the new one, whole."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise ReportError(f"cannot write {path}: {error.strerror or error}") from error
    return path
