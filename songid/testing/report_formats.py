"""The conformance kit for report formats: subclass `ReportFormatConformance`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

import pytest

from songid.interfaces import ReportFormat
from songid.model import Calibration, RenderedFile, SoundKind, Warp
from songid.report_model import (
    Airtime,
    DailyReport,
    DayEntry,
    DayFile,
    HourRow,
    PlayRow,
    RankRow,
    ReportIndex,
    StationEntry,
    StretchRow,
)

ODD_TITLE = "</script><b>\"Fish\" & 'Chips'</b>, {{ 7 * 7 }}; =1+1\nÆther 😀"
"""A title that is dangerous in HTML, templates, CSV and JSON alike."""


def example_report(title: str = "Blue Train", hours: int = 3) -> DailyReport:
    """A day with everything in it: plays, an unknown stretch, speech, a gap, a warp."""
    start = dt.datetime(2024, 5, 1, tzinfo=ZoneInfo("Europe/London"))
    hour, minute = dt.timedelta(hours=1), dt.timedelta(minutes=1)
    airtime = Airtime(
        heard_s=3300.0 * hours,
        gap_s=300.0 * hours,
        identified_s=1800.0 * hours,
        music_s=600.0 * hours,
        speech_s=900.0 * hours,
    )
    plays = tuple(
        PlayRow(
            recording_id=f"r{number}",
            title=title,
            artist="The Trio",
            album="First",
            label="Own",
            isrc="GBAAA0000001",
            start=start + number * hour,
            end=start + number * hour + 30 * minute,
            aired_s=1800.0,
            span_s=1800.0,
            aired_today_s=1800.0,
            full_s=1805.5,
            offset_s=2.25,
            confidence=0.999,
            score=42.0,
            landmarks=420,
            warp=Warp(1.03, 1.03),
            alternatives=("r9",),
        )
        for number in range(hours)
    )
    day = dt.timedelta(days=1)
    return DailyReport(
        station="radio1",
        title="Radio 1",
        date=start.date(),
        timezone="Europe/London",
        day_start=start,
        day_end=start + day,
        day_length_s=86400.0,
        until=start + hours * hour,
        running=True,
        clock_changes=False,
        airtime=airtime,
        verdict=("heard 2 h 45 min of 3 h", "3 gaps", f"{hours} plays"),
        plays_started=hours,
        recordings_played=hours,
        plays=plays,
        unidentified=(
            StretchRow(start + 30 * minute, start + 40 * minute, 600.0, SoundKind.MUSIC),
            StretchRow(start + 40 * minute, start + 55 * minute, 900.0, SoundKind.SPEECH),
        ),
        gaps=(StretchRow(start + 55 * minute, start + hour, 300.0),),
        top_recordings=(RankRow(1, title, "The Trio", hours, 1800.0 * hours, "r0"),),
        top_artists=(RankRow(1, "", "The Trio", hours, 1800.0 * hours),),
        hours=tuple(
            HourRow(start + number * hour, start + (number + 1) * hour, 1, airtime)
            for number in range(hours)
        ),
        segments=825,
        damaged_segments=1,
        catalogue_size=10,
        calibration=Calibration(1000, 0, 0.9, 3.5, 10, start, "the demo's own music"),
        generated_at=start + day,
        versions={"songid": "0.1.0", "fingerprinter": "landmark/1"},
    )


def example_index(title: str = "Radio 1") -> ReportIndex:
    """An index of one station's one day."""
    report = example_report()
    entry = DayEntry(
        station=report.station,
        title=title,
        date=report.date,
        timezone=report.timezone,
        day_length_s=report.day_length_s,
        until_share=0.125,
        running=True,
        sentence=report.sentence,
        airtime=report.airtime,
        plays=3,
        recordings=3,
        gaps=((0.03, 0.04),),
        generated_at=report.generated_at,
        files=(DayFile("text/html", "radio1/2024-05-01.html"),),
    )
    return ReportIndex((StationEntry(report.station, title, (entry,)),), report.generated_at)


class ReportFormatConformance:
    """Everything a `songid.interfaces.ReportFormat` must do.

    Give `open_report_format()`; override `make_report` and `make_index` to render days
    of your own.
    """

    def open_report_format(self) -> ReportFormat:
        """Open the report format."""
        raise NotImplementedError("a subclass says how to open its report format")

    def make_report(self, title: str = "Blue Train") -> DailyReport:
        """A day whose plays have the title."""
        return example_report(title)

    def make_index(self, title: str = "Radio 1") -> ReportIndex:
        """An index whose station has the title."""
        return example_index(title)

    @pytest.fixture
    def report_format(self) -> ReportFormat:
        """The report format."""
        return self.open_report_format()

    def test_it_is_a_report_format(self, report_format: ReportFormat) -> None:
        assert isinstance(report_format, ReportFormat)

    def test_a_day_gives_files_with_safe_names_and_media_types(
        self, report_format: ReportFormat
    ) -> None:
        files = list(report_format.render(self.make_report()))
        assert files
        check_files(files)
        check_files(report_format.render_index(self.make_index()))

    def test_the_same_day_gives_the_same_bytes(self, report_format: ReportFormat) -> None:
        first = list(report_format.render(self.make_report()))
        assert list(self.open_report_format().render(self.make_report())) == first
        index = list(report_format.render_index(self.make_index()))
        assert list(self.open_report_format().render_index(self.make_index())) == index

    def test_a_title_is_in_what_is_rendered(self, report_format: ReportFormat) -> None:
        assert contains(report_format.render(self.make_report("Zanzibar Nights")), "Zanzibar Night")

    def test_a_day_on_which_nothing_was_heard_is_rendered(
        self, report_format: ReportFormat
    ) -> None:
        files = list(report_format.render(example_report(hours=0)))
        assert files
        check_files(files)

    def test_no_days_at_all_can_be_indexed(self, report_format: ReportFormat) -> None:
        now = self.make_report().generated_at
        check_files(report_format.render_index(ReportIndex((), now)))

    def test_an_odd_title_does_no_harm(self, report_format: ReportFormat) -> None:
        files = [
            *report_format.render(self.make_report(ODD_TITLE)),
            *report_format.render_index(self.make_index(ODD_TITLE)),
        ]
        check_files(files)
        for file in files:
            if "html" in file.media_type or "svg" in file.media_type:
                assert b"<b>" not in file.content, "titles are to be escaped"
                assert b"49" not in file.content or b"7 * 7" in file.content


def check_files(files: Iterable[RenderedFile]) -> None:
    """Names are relative and unique, media types whole, texts UTF-8, and none is empty."""
    names = []
    for file in files:
        path = PurePosixPath(file.name)
        assert not path.is_absolute()
        assert ".." not in path.parts
        assert "\\" not in file.name
        assert file.name == str(path)
        assert file.media_type.count("/") == 1
        assert isinstance(file.content, bytes)
        assert file.content
        if file.media_type.startswith("text/") or "json" in file.media_type:
            file.content.decode("utf-8")
        names.append(file.name)
    assert len(set(names)) == len(names)


def contains(files: Iterable[RenderedFile], text: str) -> bool:
    """Whether the text stands in one of the files, where they are text."""
    textual = [
        file for file in files if not file.media_type.startswith(("image/", "application/p"))
    ]
    return not textual or any(text.encode() in file.content for file in textual)
