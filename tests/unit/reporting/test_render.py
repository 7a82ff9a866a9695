"""Reports are written whole, and the index shows exactly the days that are there."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songid.errors import FolderError
from songid.model import ComponentURL, RenderedFile
from songid.reporting.render import (
    ReportError,
    read_index,
    station_folder_name,
    write_index,
    write_report,
)
from songid.testing.days import example_report
from songid_plugins.folders.local import LocalFolder
from songid_plugins.report_formats import csv_format, html_format, json_format

NOW = datetime(2026, 2, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def formats():
    return {
        name: module.open_report_format(ComponentURL.parse(name))
        for name, module in (("html", html_format), ("json", json_format), ("csv", csv_format))
    }


@pytest.fixture
def folder(tmp_path):
    return LocalFolder(tmp_path)


@pytest.fixture(scope="module")
def report():
    return example_report(hours=2)


def test_each_station_and_day_gets_its_files(report, formats, folder, tmp_path):
    paths = write_report(report, formats, folder)
    assert {Path(path).relative_to(tmp_path).as_posix() for path in paths} == {
        "radio1/2026-01-31.html",
        "radio1/2026-01-31.json",
        "radio1/2026-01-31.csv",
    }
    assert not list(tmp_path.rglob("*.part"))


def test_the_index_links_what_is_there_and_forgets_what_is_not(report, formats, folder, tmp_path):
    write_report(report, formats, folder)
    write_report(example_report(date(2026, 2, 1), hours=2), formats, folder)
    (page,) = write_index(folder, formats, NOW)
    text = Path(page).read_text("utf-8")
    assert 'href="radio1/2026-01-31.html"' in text
    assert 'href="radio1/2026-02-01.csv"' in text
    for path in tmp_path.glob("radio1/2026-01-31.*"):
        if not path.name.endswith(".summary.json"):
            path.unlink()
    write_index(folder, formats, NOW)
    text = Path(page).read_text("utf-8")
    assert "2026-01-31" not in text
    assert "2026-02-01" in text


def test_writing_again_changes_nothing(report, formats, folder, tmp_path):
    paths = [*write_report(report, formats, folder), *write_index(folder, formats, NOW)]
    before = [Path(path).read_bytes() for path in paths]
    write_report(report, formats, folder)
    write_index(folder, formats, NOW)
    assert [Path(path).read_bytes() for path in paths] == before
    (station,) = read_index(folder, NOW).stations
    assert len(station.days) == 1


def test_the_index_keeps_the_days_figures(report, formats, folder, tmp_path):
    write_report(report, formats, folder)
    (day,) = read_index(folder, NOW).stations[0].days
    assert day.sentence == report.sentence
    assert day.airtime == report.airtime
    assert (day.plays, day.recordings) == (report.plays_started, report.recordings_played)
    assert len(day.gaps) == len(report.gaps)


def test_a_broken_summary_does_not_keep_the_others_from_the_index(
    report, formats, folder, tmp_path
):
    write_report(report, formats, folder)
    for name, text in (("a", "{"), ("b", "[]"), ("c", '{"schema": "other/1"}'), ("d", "null")):
        (tmp_path / "radio1" / f"{name}.summary.json").write_text(text)
    assert len(read_index(folder, NOW).stations[0].days) == 1


def test_stations_and_days_are_in_order(formats, folder, tmp_path):
    for title in ("zebra", "Alpha"):
        for on in (date(2026, 1, 30), date(2026, 1, 31)):
            report = example_report(on, hours=1)
            renamed = type(report)(
                **{name: getattr(report, name) for name in report.__slots__}
                | {"station": title, "title": title}
            )
            write_report(renamed, formats, folder)
    index = read_index(folder, NOW)
    assert [station.title for station in index.stations] == ["Alpha", "zebra"]
    assert [day.date.day for day in index.stations[0].days] == [31, 30]


def test_reports_are_readable_by_others_as_the_umask_allows(report, formats, folder, tmp_path):
    before = os.umask(0o027)
    try:
        paths = write_report(report, formats, folder)
    finally:
        os.umask(before)
    assert {Path(path).stat().st_mode & 0o777 for path in paths} == {0o640}


def test_a_folder_that_cannot_be_written_is_named(report, formats, folder, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(FolderError, match=r"cannot write .*2026-01-31"):
        write_report(report, formats, LocalFolder(blocked))


class Bucket(LocalFolder):
    """A folder that stamps its files, as a bucket does, and counts what is asked of it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.reads: list[str] = []
        self.writes: list[str] = []

    def read(self, name):
        self.reads.append(name)
        return super().read(name)

    def write(self, name, content, media_type):
        self.writes.append(name)
        return super().write(name, content, media_type)

    def stamps(self, prefix="", suffix=""):
        for name in self.names(prefix, suffix):
            yield name, hashlib.md5(super().read(name)).hexdigest()  # as S3 does


def test_in_a_bucket_only_the_days_that_changed_are_read(formats, tmp_path):
    for day in range(1, 21):
        write_report(example_report(date(2026, 1, day), hours=1), formats, Bucket(tmp_path))
    bucket = Bucket(tmp_path)
    (page,) = write_index(bucket, formats, NOW)
    assert len(bucket.reads) == 20
    assert sorted(bucket.writes) == ["index.html", "index.summary.json"]
    first = Path(page).read_bytes()

    bucket = Bucket(tmp_path)
    write_index(bucket, formats, NOW)
    assert bucket.reads == ["index.summary.json"]
    assert bucket.writes == ["index.html"]
    assert Path(page).read_bytes() == first

    write_report(example_report(date(2026, 1, 7), hours=2), formats, bucket)
    write_report(example_report(date(2026, 1, 21), hours=1), formats, bucket)
    bucket = Bucket(tmp_path)
    write_index(bucket, formats, NOW)
    assert sorted(bucket.reads) == [
        "index.summary.json",
        "radio1/2026-01-07.summary.json",
        "radio1/2026-01-21.summary.json",
    ]
    kept_index, index = read_index(bucket, NOW), read_index(LocalFolder(tmp_path), NOW)
    assert kept_index == index
    assert len(index.stations[0].days) == 21


def test_in_a_bucket_a_day_that_another_process_forgot_to_keep_is_not_lost(formats, tmp_path):
    bucket = Bucket(tmp_path)
    write_report(example_report(date(2026, 1, 1), hours=1), formats, bucket)
    write_index(bucket, formats, NOW)
    earlier = (tmp_path / "index.summary.json").read_bytes()
    write_report(example_report(date(2026, 1, 1), hours=2), formats, bucket)
    write_report(example_report(date(2026, 1, 2), hours=1), formats, bucket)
    write_index(bucket, formats, NOW)
    right = read_index(LocalFolder(tmp_path), NOW)
    for content in (earlier, b"{", b"[]", b'{"schema": "songid.index-summary/1", "days": [1]}'):
        (tmp_path / "index.summary.json").write_bytes(content)
        assert read_index(bucket, NOW) == right
    (tmp_path / "index.summary.json").unlink()
    assert read_index(bucket, NOW) == right


def test_in_a_bucket_a_broken_summary_is_read_once(report, formats, tmp_path):
    write_report(report, formats, Bucket(tmp_path))
    (tmp_path / "radio1" / "a.summary.json").write_text("{")
    write_index(Bucket(tmp_path), formats, NOW)
    bucket = Bucket(tmp_path)
    assert len(read_index(bucket, NOW).stations[0].days) == 1
    assert bucket.reads == ["index.summary.json"]


class Fixed:
    def __init__(self, name: str) -> None:
        self.name = name

    def render(self, report):
        return [RenderedFile(self.name, "text/plain", b"x")]

    def render_index(self, index):
        return [RenderedFile(self.name, "text/plain", b"x")]


def test_two_formats_that_write_the_same_file_are_told_apart(report, folder):
    with pytest.raises(ReportError, match=r"'a' and 'b' both write x\.txt"):
        write_report(report, {"a": Fixed("x.txt"), "b": Fixed("x.txt")}, folder)


@pytest.mark.parametrize("name", ["../x.txt", "a/b", "/etc/x", "", ".."])
def test_a_format_cannot_write_outside_its_folder(report, folder, name):
    with pytest.raises(ReportError, match="may not name a file"):
        write_report(report, {"a": Fixed(name)}, folder)


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
