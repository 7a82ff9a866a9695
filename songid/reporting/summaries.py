"""The small summary each rendered day leaves beside its files, and reading all of them.

In a folder where reading costs a request per file, what was read is kept in one document,
and only the summaries that changed since are read again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any

from songid.interfaces import Folder, StampedFolder
from songid.model import RenderedFile
from songid.report_model import Airtime, DailyReport, DayEntry, DayFile

SUMMARY_SCHEMA = "songid.day-summary/1"
SUMMARY_SUFFIX = ".summary.json"
KEPT_SCHEMA = "songid.index-summary/1"
KEPT_NAME = f"index{SUMMARY_SUFFIX}"
_MEDIA_TYPE = "application/json"
_READERS = 8


@dataclass(frozen=True, slots=True)
class Summaries:
    """What a folder of reports holds.

    `names`: every file. `documents`: the summaries by their names; None is what could not be
    understood. `stamps`: what the folder says of each, if it does. `kept`: whether the one
    document that keeps them all is up to date, or not wanted.
    """

    names: frozenset[str]
    documents: Mapping[str, Any]
    stamps: Mapping[str, str]
    kept: bool


def read_summaries(folder: Folder) -> Summaries:
    """All summaries there are. FolderError if the folder cannot be listed or read.

    A folder that stamps its files is listed once (a request per 1,000 files on S3) and has
    one document read, and whatever it does not know yet. Who writes that document last may
    undo what another kept in it: then the stamps differ, and the summary is read again.
    """
    if not isinstance(folder, StampedFolder):
        names = frozenset(folder.names())
        documents = _read(folder, [name for name in names if _is_summary(name)])
        return Summaries(names, documents, {}, kept=True)
    listed = dict(folder.stamps())
    stamps = {name: stamp for name, stamp in listed.items() if _is_summary(name)}
    kept = _kept(folder) if KEPT_NAME in listed else {}
    same = {name: kept[name]["summary"] for name in stamps if _stamp(kept, name) == stamps[name]}
    documents = same | _read(folder, stamps.keys() - same.keys())
    up_to_date = len(same) == len(stamps) == len(kept)
    return Summaries(frozenset(listed), documents, stamps, kept=up_to_date)


def keep_summaries(folder: Folder, found: Summaries) -> None:
    """Write what was read to the one document, unless it says the same."""
    if found.kept:
        return
    days = {
        # The stamp is older than what was read, if anything: then it is read again.
        name: {"stamp": found.stamps[name], "summary": document}
        for name, document in sorted(found.documents.items())
    }
    text = json.dumps({"schema": KEPT_SCHEMA, "days": days}, ensure_ascii=False)
    folder.write(KEPT_NAME, text.encode(), _MEDIA_TYPE)


def _is_summary(name: str) -> bool:
    return name.count("/") == 1 and name.endswith(SUMMARY_SUFFIX)


def _read(folder: Folder, names: Iterable[str]) -> dict[str, Any]:
    with ThreadPoolExecutor(_READERS) as pool:
        wanted = sorted(names)
        contents = zip(wanted, pool.map(folder.read, wanted), strict=True)
        return {name: _parsed(content) for name, content in contents if content is not None}


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None


def _kept(folder: Folder) -> Mapping[str, Any]:
    document = _parsed(folder.read(KEPT_NAME) or b"null")
    if not isinstance(document, dict) or document.get("schema") != KEPT_SCHEMA:
        return {}
    days = document.get("days")
    return days if isinstance(days, dict) else {}


def _stamp(kept: Mapping[str, Any], name: str) -> str | None:
    entry = kept.get(name)
    if not isinstance(entry, dict) or entry.keys() != {"stamp", "summary"}:
        return None
    return str(entry["stamp"])


# -- one summary ------------------------------------------------------------------------


def write_summary(
    folder: Folder, folder_name: str, report: DailyReport, files: Sequence[RenderedFile]
) -> None:
    """Write a day's summary beside its files."""
    content = json.dumps(summary_document(report, files), ensure_ascii=False, indent=1)
    name = f"{folder_name}/{report.date.isoformat()}{SUMMARY_SUFFIX}"
    folder.write(name, content.encode(), _MEDIA_TYPE)


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
            DayFile(str(file["media_type"]), f"{folder_name}/{PurePosixPath(file['name']).name}")
            for file in summary["files"]
        ),
    )
