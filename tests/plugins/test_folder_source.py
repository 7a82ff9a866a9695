"""The inbox folder: what is complete, what it asks for, and where answers go."""

from __future__ import annotations

import json
import logging
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from songid.errors import AudioError, PluginError
from songid.interfaces import Source
from songid.model import AudioItem, ComponentURL, Job
from songid_plugins.sources.folder import open_source

LONG_AGO = 1_700_000_000


def put(root: Path, key: str, data: bytes = b"sound", modified: float = LONG_AGO) -> Path:
    path = root / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (modified, modified))
    return path


def inbox(root: Path, **options: str) -> Source:
    return open_source(ComponentURL.build("folder", str(root), options))


def names(source: Source) -> list[str]:
    return [item.name for item in source.items()]


def only(source: Source) -> AudioItem:
    (item,) = source.items()
    return item


def test_it_makes_its_folders_and_the_prefixes_say_what_to_do(tmp_path: Path) -> None:
    root = tmp_path / "in box"
    source = inbox(root)
    assert isinstance(source, Source)
    assert (root / "songs_to_index").is_dir()
    assert (root / "songs_to_check" / "streams").is_dir()
    put(root, "songs_to_check/streams/radio_one_20240131T081500.000001.ts")
    put(root, "songs_to_check/b.wav")
    put(root, "songs_to_index/album/a.mp3")
    put(root, "elsewhere/c.mp3")
    found = {item.name: item for item in source.items()}
    assert [(name, item.job) for name, item in found.items()] == [
        ("songs_to_index/album/a.mp3", Job.INDEX),
        ("songs_to_check/b.wav", Job.CHECK),
        ("songs_to_check/streams/radio_one_20240131T081500.000001.ts", Job.SEGMENT),
    ]
    segment = list(found.values())[-1]
    assert segment.station == "radio_one"
    assert segment.start == datetime(2024, 1, 31, 8, 15, tzinfo=UTC)
    assert segment.modified_at == datetime.fromtimestamp(LONG_AGO, UTC)
    assert segment.size_bytes == 5


def test_a_file_still_being_written_is_left_alone_until_it_rests(tmp_path: Path) -> None:
    source = inbox(tmp_path, settle_s="0.2")
    path = put(tmp_path, "songs_to_check/a.mp3", modified=time.time())
    assert names(source) == []
    with path.open("ab") as file:
        file.write(b"more")
    assert names(source) == []
    time.sleep(0.25)
    assert names(source) == ["songs_to_check/a.mp3"]


def test_a_file_whose_time_lies_in_the_future_is_taken_once_it_rests(tmp_path: Path) -> None:
    source = inbox(tmp_path, settle_s="0.2")
    put(tmp_path, "songs_to_check/a.mp3", modified=time.time() + 9999)
    assert names(source) == []
    time.sleep(0.25)
    assert names(source) == ["songs_to_check/a.mp3"]
    put(tmp_path, "songs_to_check/a.mp3", b"other", modified=time.time() + 9998)
    assert names(source) == []


def test_a_file_moved_in_whole_is_taken_at_once(tmp_path: Path) -> None:
    put(tmp_path, "songs_to_check/a.mp3")
    assert names(inbox(tmp_path)) == ["songs_to_check/a.mp3"]


@pytest.mark.parametrize(
    "name",
    [".hidden.mp3", "a.mp3.part", "a.tmp", "a.json", "a.mp3.json", "cover.JPG", "list.m3u8", "a~"],
)
def test_what_lies_beside_audio_is_not_offered(tmp_path: Path, name: str) -> None:
    put(tmp_path, f"songs_to_check/{name}")
    assert names(inbox(tmp_path)) == []


@pytest.mark.parametrize("name", ["a", "a.xyz", "a.MP3", "video.mp4", "take.1", "weiß.ogg"])
def test_anything_else_is_offered_so_that_it_is_answered(tmp_path: Path, name: str) -> None:
    put(tmp_path, f"songs_to_check/{name}", b"")
    assert names(inbox(tmp_path)) == [f"songs_to_check/{name}"]


def test_a_name_that_is_no_text_can_still_be_heard_and_answered(tmp_path: Path) -> None:
    source = inbox(tmp_path)
    raw = os.fsencode(tmp_path) + b"/songs_to_check/caf\xe9.mp3"
    put(tmp_path, os.fsdecode(raw)[len(str(tmp_path)) + 1 :])
    item = only(source)
    item.name.encode("utf-8")
    item.uri.encode("ascii")
    with source.open(item) as stream:
        assert stream.read() == b"sound"
    source.answer(item, b"{}")
    assert Path(os.fsdecode(raw.replace(b".mp3", b".json"))).read_bytes() == b"{}"


def test_the_identity_changes_with_the_bytes_and_only_then(tmp_path: Path) -> None:
    source = inbox(tmp_path)
    put(tmp_path, "songs_to_check/a.mp3")
    first = only(source)
    assert only(source) == first
    put(tmp_path, "songs_to_check/a.mp3", b"noise", modified=LONG_AGO + 1)
    assert only(source).identity != first.identity


def test_linked_folders_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    music = tmp_path / "music"
    put(music, "a.mp3")
    (music / "again").symlink_to(music)
    source = inbox(tmp_path / "inbox")
    (tmp_path / "inbox/songs_to_index/mine").symlink_to(music)
    (tmp_path / "inbox/songs_to_index/gone.mp3").symlink_to(tmp_path / "nothing")
    assert names(source) == ["songs_to_index/mine/a.mp3"]


def test_a_stream_file_that_is_no_segment_is_checked(tmp_path: Path) -> None:
    put(tmp_path, "songs_to_check/streams/holiday.mp3")
    assert only(inbox(tmp_path)).job == Job.CHECK


def test_a_segment_without_a_date_has_only_its_files_time(tmp_path: Path) -> None:
    put(tmp_path, "songs_to_check/streams/radio_1.00007.ts")
    item = only(inbox(tmp_path))
    assert (item.job, item.station, item.start) == (Job.SEGMENT, "radio_1", None)
    assert item.modified_at == datetime.fromtimestamp(LONG_AGO, UTC)


def starts_of(source: Source) -> list[str]:
    return [f"{item.start:%H:%M:%S}" for item in source.items()]


def test_dates_are_the_segments_own_or_with_counter_s_the_channels(tmp_path: Path) -> None:
    for count in range(3):
        time_of_day = datetime(2024, 1, 31, 8, 0, 12 * count, tzinfo=UTC)
        put(tmp_path, f"songs_to_check/streams/r_{time_of_day:%Y%m%dT%H%M%S}.{count:06}.ts")
    assert starts_of(inbox(tmp_path)) == ["08:00:00", "08:00:12", "08:00:24"]
    assert starts_of(inbox(tmp_path, counter_s="60")) == ["08:00:00", "08:01:12", "08:02:24"]


def test_one_date_for_all_counters_is_taken_for_the_channels_start_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for count in (3, 4, 300):
        put(tmp_path, f"songs_to_check/streams/r_20240131T080000.{count:06}.ts")
    source = inbox(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert starts_of(source) == ["08:00:36", "08:00:48", "09:00:00"]
        assert starts_of(source) == ["08:00:36", "08:00:48", "09:00:00"]
    assert len(caplog.records) == 1
    assert "counter_s" in caplog.text
    assert starts_of(inbox(tmp_path, counter_s="0")) == ["08:00:00"] * 3


def test_an_answer_lies_beside_its_file_and_can_be_given_again(tmp_path: Path) -> None:
    path = put(tmp_path, "songs_to_check/a.b.mp3")
    source = inbox(tmp_path)
    item = only(source)
    assert source.answer(item, b"1") == (tmp_path / "songs_to_check/a.b.json").as_uri()
    source.answer(item, b"2")
    assert sorted(file.name for file in path.parent.iterdir()) == ["a.b.json", "a.b.mp3", "streams"]
    assert (path.parent / "a.b.json").read_bytes() == b"2"
    assert names(source) == ["songs_to_check/a.b.mp3"]


def test_two_files_of_one_stem_do_not_take_each_others_answers(tmp_path: Path) -> None:
    folder = tmp_path / "songs_to_check"
    for name in ("a.mp3", "a.wav"):
        put(folder, name)
    for source in (inbox(tmp_path), inbox(tmp_path)):
        items = list(source.items())
        for item in reversed(items):
            document = {"file": Path(item.name).name, "plays": []}
            source.answer(item, json.dumps(document).encode())
    assert json.loads((folder / "a.json").read_bytes())["file"] == "a.wav"
    assert json.loads((folder / "a.mp3.json").read_bytes())["file"] == "a.mp3"
    assert not (folder / "a.wav.json").exists()


def test_a_json_file_of_the_users_own_is_not_overwritten(tmp_path: Path) -> None:
    put(tmp_path, "songs_to_check/a.mp3")
    own = put(tmp_path, "songs_to_check/a.json", b'["mine"]')
    source = inbox(tmp_path)
    assert source.answer(only(source), b"{}").endswith("/a.mp3.json")
    assert own.read_bytes() == b'["mine"]'


def test_a_file_that_vanished_is_a_clear_error(tmp_path: Path) -> None:
    path = put(tmp_path, "songs_to_check/a.mp3")
    source = inbox(tmp_path)
    item = only(source)
    path.unlink()
    with pytest.raises(AudioError, match=r"songs_to_check/a\.mp3: it cannot be opened: No such"):
        source.open(item)
    assert names(source) == []


def test_an_answer_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    path = put(tmp_path, "songs_to_check/sub/a.mp3")
    source = inbox(tmp_path)
    item = only(source)
    path.unlink()
    path.parent.rmdir()
    with pytest.raises(PluginError, match="the answer cannot be written: No such"):
        source.answer(item, b"{}")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"setle_s": "3"}, "has no option 'setle_s'; it knows settle_s, counter_s"),
        ({"settle_s": "soon"}, "settle_s is a number of seconds, 0 or more, not 'soon'"),
        ({"counter_s": "-1"}, "counter_s is a number of seconds"),
        ({"counter_s": "nan"}, "counter_s is a number of seconds"),
    ],
)
def test_wrong_options_are_refused(tmp_path: Path, options: dict[str, str], complaint: str) -> None:
    with pytest.raises(PluginError, match=complaint):
        inbox(tmp_path, **options)


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "file")
    with pytest.raises(PluginError, match="the inbox cannot be made"):
        inbox(tmp_path / "file")
    with pytest.raises(PluginError, match="name the folder"):
        open_source(ComponentURL.parse("folder:"))


def test_ten_thousand_files_are_listed_again_within_a_second(tmp_path: Path) -> None:
    source = inbox(tmp_path, settle_s="0")
    folder = tmp_path / "songs_to_check/streams"
    begin = datetime(2024, 1, 1, tzinfo=UTC)
    for count in range(10_000):
        start = begin + timedelta(seconds=12 * count)
        (folder / f"r_{start:%Y%m%dT%H%M%S}.{count:06}.ts").touch()
    assert len(names(source)) == 10_000
    before_s = time.process_time()
    assert len(names(source)) == 10_000
    assert time.process_time() - before_s < 1.0
