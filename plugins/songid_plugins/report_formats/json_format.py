"""The daily report as one JSON document, `songid.report/1`, for other programs.

Its JSON Schema is `songid/schemas/report.schema.json`; a change that could break a reader
gets a new number.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from songid.errors import PluginError
from songid.model import Calibration, ComponentURL, RenderedFile, Warp
from songid.report_model import (
    Airtime,
    DailyReport,
    HourRow,
    PlayRow,
    RankRow,
    ReportIndex,
    StretchRow,
)

SCHEMA = "songid.report/1"


def open_report_format(url: ComponentURL) -> JsonFormat:
    """Open `json`, or `json:?indent=2` for one that is meant to be read."""
    unknown = sorted(set(url.options) - {"indent"})
    if unknown:
        raise PluginError(f"report format {url}: unknown option {unknown[0]!r}; it takes indent")
    indent = url.options.get("indent", "0")
    if not indent.isdecimal() or int(indent) > 8:
        raise PluginError(f"report format {url}: indent is a number from 0 to 8, not {indent!r}")
    return JsonFormat(int(indent))


class JsonFormat:
    """Renders `<date>.json`."""

    def __init__(self, indent: int = 0) -> None:
        self._indent = indent or None

    def render(self, report: DailyReport) -> Iterable[RenderedFile]:
        """One station's day as a document."""
        text = json.dumps(
            report_document(report), ensure_ascii=False, indent=self._indent, allow_nan=False
        )
        yield RenderedFile(f"{report.date}.json", "application/json", f"{text}\n".encode())

    def render_index(self, index: ReportIndex) -> Iterable[RenderedFile]:
        """Nothing: the summaries beside the days already are data."""
        return ()


def report_document(report: DailyReport) -> dict[str, Any]:
    """A daily report as plain JSON values; lengths in seconds, times with UTC offsets."""
    return {
        "schema": SCHEMA,
        "station": report.station,
        "title": report.title,
        "date": report.date.isoformat(),
        "timezone": report.timezone,
        "day_start": _time(report.day_start),
        "day_end": _time(report.day_end),
        "day_length_s": _seconds(report.day_length_s),
        "until": _time(report.until),
        "running": report.running,
        "verdict": report.sentence,
        "airtime": _airtime(report.airtime),
        "identified_share": _share(report.airtime),
        "identified_share_is_at_least": report.airtime.share_is_at_least,
        "plays_started": report.plays_started,
        "recordings_played": report.recordings_played,
        "plays": [_play(row) for row in report.plays],
        "unidentified": [_stretch(row) | {"kind": row.kind} for row in report.unidentified],
        "gaps": [_stretch(row) for row in report.gaps],
        "top_recordings": [_rank(row) for row in report.top_recordings],
        "top_artists": [_rank(row) for row in report.top_artists],
        "hours": [_hour(row) for row in report.hours],
        "segments": report.segments,
        "damaged_segments": report.damaged_segments,
        "catalogue_size": report.catalogue_size,
        "calibration": _calibration(report.calibration),
        "versions": dict(report.versions),
        "generated_at": _time(report.generated_at.astimezone(UTC)),
    }


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def _seconds(seconds: float) -> float:
    return round(seconds, 3)


def _share(airtime: Airtime) -> float | None:
    share = airtime.identified_share
    return None if share is None else round(share, 6)


def _airtime(airtime: Airtime) -> dict[str, float]:
    return {name: _seconds(getattr(airtime, name)) for name in Airtime.__slots__}


def _warp(warp: Warp) -> dict[str, float]:
    return {"tempo": round(warp.tempo, 5), "pitch": round(warp.pitch, 5)}


def _play(row: PlayRow) -> dict[str, Any]:
    return {
        "recording_id": row.recording_id,
        "title": row.title,
        "artist": row.artist,
        "album": row.album,
        "label": row.label,
        "isrc": row.isrc,
        "start": _time(row.start),
        "end": _time(row.end),
        "aired_s": _seconds(row.aired_s),
        "span_s": _seconds(row.span_s),
        "aired_today_s": _seconds(row.aired_today_s),
        "full_s": _seconds(row.full_s),
        "offset_s": _seconds(row.offset_s),
        "confidence": round(row.confidence, 4),
        "confidence_word": row.confidence_word,
        "score": round(row.score, 3),
        "landmarks": row.landmarks,
        "warp": _warp(row.warp),
        "from_yesterday": row.from_yesterday,
        "into_tomorrow": row.into_tomorrow,
        "in_catalogue": row.in_catalogue,
        "alternatives": list(row.alternatives),
    }


def _stretch(row: StretchRow) -> dict[str, Any]:
    return {"start": _time(row.start), "end": _time(row.end), "length_s": _seconds(row.length_s)}


def _rank(row: RankRow) -> dict[str, Any]:
    document: dict[str, Any] = {
        "rank": row.rank,
        "artist": row.artist,
        "plays": row.plays,
        "airtime_s": _seconds(row.airtime_s),
    }
    if row.recording_id:
        document |= {"recording_id": row.recording_id, "title": row.title, "isrc": row.isrc}
    return document


def _hour(row: HourRow) -> dict[str, Any]:
    return {
        "start": _time(row.start),
        "end": _time(row.end),
        "plays": row.plays,
        "airtime": _airtime(row.airtime),
    }


def _calibration(calibration: Calibration | None) -> dict[str, Any] | None:
    if calibration is None or not calibration.windows:
        return None
    return {
        "windows": calibration.windows,
        "false_windows": calibration.false_windows,
        "false_positive_rate": calibration.false_positive_rate,
        "threshold": calibration.threshold,
        "highest_score": calibration.highest_score,
        "recordings": calibration.recordings,
        "measured_at": _time(calibration.measured_at.astimezone(UTC)),
        "material": calibration.material,
    }
