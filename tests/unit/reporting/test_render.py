"""Reports are written whole, and the index shows exactly the days that are there."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songid.model import ComponentURL, RenderedFile
from songid.reporting.render import (
    ReportError,
    read_index,
    station_folder_name,
    write_index,
    write_report,
)
from songid.testing.days import example_report
from songid_plugins.report_formats import csv_format, html_format, json_format

NOW = datetime(2026, 2, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def formats():
    return {
        name: module.open_report_format(ComponentURL.parse(name))
        for name, module in (("html", html_format), ("json", json_format), ("csv", csv_format))
    }


@pytest.fixture(scope="module")
def report():
    return example_report(hours=2)


def test_each_station_and_day_gets_its_files(report, formats, tmp_path):
    paths = write_report(report, formats, tmp_path)
    assert {path.relative_to(tmp_path).as_posix() for path in paths} == {
        "radio1/2026-01-31.html",
        "radio1/2026-01-31.json",
        "radio1/2026-01-31.csv",
    }
    assert not list(tmp_path.rglob("*.part"))


def test_the_index_links_what_is_there_and_forgets_what_is_not(report, formats, tmp_path):
    write_report(report, formats, tmp_path)
    write_report(example_report(date(2026, 2, 1), hours=2), formats, tmp_path)
    (page,) = write_index(tmp_path, formats, NOW)
    text = page.read_text("utf-8")
    assert 'href="radio1/2026-01-31.html"' in text
    assert 'href="radio1/2026-02-01.csv"' in text
    for path in tmp_path.glob("radio1/2026-01-31.*"):
        if not path.name.endswith(".summary.json"):
            path.unlink()
    write_index(tmp_path, formats, NOW)
    text = page.read_text("utf-8")
    assert "2026-01-31" not in text
    assert "2026-02-01" in text


def test_writing_again_changes_nothing(report, formats, tmp_path):
    paths = [*write_report(report, formats, tmp_path), *write_index(tmp_path, formats, NOW)]
    before = [path.read_bytes() for path in paths]
    write_report(report, formats, tmp_path)
    write_index(tmp_path, formats, NOW)
    assert [path.read_bytes() for path in paths] == before
    (station,) = read_index(tmp_path, NOW).stations
    assert len(station.days) == 1


def test_the_index_keeps_the_days_figures(report, formats, tmp_path):
    write_report(report, formats, tmp_path)
    (day,) = read_index(tmp_path, NOW).stations[0].days
    assert day.sentence == report.sentence
    assert day.airtime == report.airtime
    assert (day.plays, day.recordings) == (report.plays_started, report.recordings_played)
    assert len(day.gaps) == len(report.gaps)


def test_a_broken_summary_does_not_keep_the_others_from_the_index(report, formats, tmp_path):
    write_report(report, formats, tmp_path)
    for name, text in (("a", "{"), ("b", "[]"), ("c", '{"schema": "other/1"}'), ("d", "null")):
        (tmp_path / "radio1" / f"{name}.summary.json").write_text(text)
    assert len(read_index(tmp_path, NOW).stations[0].days) == 1


def test_stations_and_days_are_in_order(formats, tmp_path):
    for title in ("zebra", "Alpha"):
        for on in (date(2026, 1, 30), date(2026, 1, 31)):
            report = example_report(on, hours=1)
            renamed = type(report)(
                **{name: getattr(report, name) for name in report.__slots__}
                | {"station": title, "title": title}
            )
            write_report(renamed, formats, tmp_path)
    index = read_index(tmp_path, NOW)
    assert [station.title for station in index.stations] == ["Alpha", "zebra"]
    assert [day.date.day for day in index.stations[0].days] == [31, 30]


def test_reports_are_readable_by_others_as_the_umask_allows(report, formats, tmp_path):
    before = os.umask(0o027)
    try:
        paths = write_report(report, formats, tmp_path)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in paths} == {0o640}


def test_a_folder_that_cannot_be_written_is_named(report, formats, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(ReportError, match=r"cannot write .*2026-01-31"):
        write_report(report, formats, blocked)


class Fixed:
    def __init__(self, name: str) -> None:
        self.name = name

    def render(self, report):
        return [RenderedFile(self.name, "text/plain", b"x")]

    def render_index(self, index):
        return [RenderedFile(self.name, "text/plain", b"x")]


def test_two_formats_that_write_the_same_file_are_told_apart(report, tmp_path):
    with pytest.raises(ReportError, match=r"'a' and 'b' both write x\.txt"):
        write_report(report, {"a": Fixed("x.txt"), "b": Fixed("x.txt")}, tmp_path)


@pytest.mark.parametrize("name", ["../x.txt", "a/b", "/etc/x", "", ".."])
def test_a_format_cannot_write_outside_its_folder(report, tmp_path, name):
    with pytest.raises(ReportError, match="may not name a file"):
        write_report(report, {"a": Fixed(name)}, tmp_path)


@given(st.text(max_size=80))
def test_any_station_name_becomes_one_safe_folder(name):
    folder = station_folder_name(name)
    assert folder not in ("", ".", "..")
    assert not folder.startswith(".")
    assert Path(folder).name == folder
    assert folder.isascii()
    assert len(folder) < 80


@given(st.lists(st.text(max_size=12), min_size=2, max_size=2, unique=True))
def test_two_stations_never_share_a_folder(names):
    assert len({station_folder_name(name) for name in names}) == 2


def test_a_plain_station_name_stays_as_it_is():
    assert station_folder_name("radio_1.FM-north") == "radio_1.FM-north"
    assert station_folder_name("Radio Österreich").startswith("Radio-Osterreich-")
