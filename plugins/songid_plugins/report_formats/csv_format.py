"""The daily report's log as a table for spreadsheets and rights systems (RFC 4180).

The file is UTF-8 with a byte order mark, without which Excel takes it for the local
8-bit code page and garbles every accent; `csv:?bom=no` leaves it out.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime

from songid.errors import PluginError
from songid.model import ComponentURL, RenderedFile
from songid.report_model import DailyReport, PlayRow, ReportIndex

COLUMNS = (
    "station",
    "date",
    "start",
    "end",
    "start_utc",
    "end_utc",
    "title",
    "artist",
    "album",
    "label",
    "isrc",
    "aired_s",
    "aired_today_s",
    "full_s",
    "offset_s",
    "confidence",
    "confidence_word",
    "tempo",
    "pitch",
    "counted",
    "recording_id",
)
# A cell that starts with one of these is a formula to a spreadsheet, and a title is
# written by strangers; an apostrophe before it makes it text (OWASP, CSV injection).
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_YES_OR_NO = {"yes": True, "no": False}


def open_report_format(url: ComponentURL) -> CsvFormat:
    """Open `csv`, or `csv:?bom=no` for one without a byte order mark."""
    unknown = sorted(set(url.options) - {"bom"})
    if unknown:
        raise PluginError(f"report format {url}: unknown option {unknown[0]!r}; it takes bom")
    bom = url.options.get("bom", "yes")
    if bom not in _YES_OR_NO:
        raise PluginError(f"report format {url}: bom is yes or no, not {bom!r}")
    return CsvFormat(bom=_YES_OR_NO[bom])


class CsvFormat:
    """Renders `<date>.csv`, a row per play; `counted` is 0 for one that began the day before."""

    def __init__(self, *, bom: bool = True) -> None:
        self._encoding = "utf-8-sig" if bom else "utf-8"

    def render(self, report: DailyReport) -> Iterable[RenderedFile]:
        """One station's log."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        writer.writerows(_cells(report, row) for row in report.plays)
        content = text.getvalue().encode(self._encoding)
        yield RenderedFile(f"{report.date}.csv", "text/csv; charset=utf-8", content)

    def render_index(self, index: ReportIndex) -> Iterable[RenderedFile]:
        """Nothing: a log has no index."""
        return ()


def _cells(report: DailyReport, row: PlayRow) -> list[str]:
    return [
        _text(report.station),
        report.date.isoformat(),
        _local(row.start),
        _local(row.end),
        _utc(row.start),
        _utc(row.end),
        _text(row.title),
        _text(row.artist),
        _text(row.album),
        _text(row.label),
        _text(row.isrc),
        f"{row.aired_s:.3f}",
        f"{row.aired_today_s:.3f}",
        f"{row.full_s:.3f}" if row.full_s else "",
        f"{max(0.0, row.offset_s):.3f}",
        f"{row.confidence:.4f}",
        row.confidence_word,
        f"{row.warp.tempo:.5f}",
        f"{row.warp.pitch:.5f}",
        "0" if row.from_yesterday else "1",
        _text(row.recording_id),
    ]


def _text(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _local(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
