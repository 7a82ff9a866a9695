from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import jsonschema
import pytest
from small_material import SONG_S, aired, composed, make_app, put, song, title

from songid.app import App
from songid.audio.encode import encode
from songid.errors import GoneError
from songid.interfaces import Source
from songid.jobs.items import do_check, do_index, do_segment
from songid.jobs.outcomes import JobOutcome, job_key
from songid.model import AudioItem, Job
from songid.schemas import load_schema

AIRED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NOW = AIRED + timedelta(hours=1)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with make_app(tmp_path, lambda: NOW) as app:
        yield app


@pytest.fixture
def source(app: App) -> Iterator[Source]:
    assert app.settings.inbox_url is not None
    with closing(app.open_source(app.settings.inbox_url.text)) as source:
        yield source


@pytest.fixture
def known(app: App, source: Source, tmp_path: Path) -> App:
    put(tmp_path / "inbox/songs_to_index/known.mp3", song(1))
    assert do_index(app, source, only(source, Job.INDEX)).outcome is JobOutcome.DONE
    return app


def only(source: Source, job: Job) -> AudioItem:
    (item,) = [item for item in source.items() if item.job is job]
    return item


def streams(folder: Path, name: str, content: bytes, **options: Any) -> Path:
    return put(folder / "inbox/songs_to_check/streams" / name, content, **options)


class InMemory:
    """A source without files, as a bucket is; `failure` is what reading meets."""

    def __init__(self, content: bytes, failure: Exception | None = None) -> None:
        self.content = content
        self.failure = failure
        self.answers: list[dict[str, Any]] = []

    def items(self) -> Iterator[AudioItem]:
        return iter(())

    def open(self, item: AudioItem) -> AbstractContextManager[BinaryIO]:
        if self.failure is not None:
            return nullcontext(_Failing(self.failure))
        return nullcontext(io.BytesIO(self.content))

    def answer(self, item: AudioItem, document: bytes) -> str:
        self.answers.append(json.loads(document))
        return f"{item.uri}.json"

    def close(self) -> None:
        pass


class Gone(InMemory):
    """A source that knows what it has not any more."""

    def open(self, item: AudioItem) -> AbstractContextManager[BinaryIO]:
        raise GoneError(item.name, "deleted")


class _Failing(io.BytesIO):
    def __init__(self, failure: Exception) -> None:
        super().__init__()
        self.failure = failure

    def read(self, size: int | None = -1) -> bytes:
        raise self.failure


def test_a_song_is_indexed_once_under_its_address(known: App, source: Source) -> None:
    item = only(source, Job.INDEX)
    assert do_index(known, source, item).outcome is JobOutcome.ELSEWHERE
    (recording,) = known.store.recordings()
    assert (recording.title, recording.source) == (title(1), item.uri)


def test_a_song_of_a_source_without_files_is_copied_and_keeps_its_name(app: App) -> None:
    samples, _ = composed(2)
    file = io.BytesIO()
    encode(samples, 22_050, file, format="wav")
    item = AudioItem(
        "s3://bucket/songs_to_index/My Song.wav", "songs_to_index/My Song.wav", "1", Job.INDEX
    )
    assert do_index(app, InMemory(file.getvalue()), item).outcome is JobOutcome.DONE
    (recording,) = app.store.recordings()
    assert (recording.title, recording.source) == ("My Song", item.uri)


def test_a_file_is_answered_with_what_is_in_it(known: App, source: Source, tmp_path: Path) -> None:
    put(tmp_path / "inbox/songs_to_check/excerpt.mp3", song(1))
    item = only(source, Job.CHECK)
    assert do_check(known, source, item).outcome is JobOutcome.DONE
    document = json.loads((tmp_path / "inbox/songs_to_check/excerpt.json").read_bytes())
    jsonschema.validate(document, load_schema("result"))
    assert document["source"] == item.name
    assert [play["title"] for play in document["plays"]] == [title(1)]
    assert do_check(known, source, item).outcome is JobOutcome.ELSEWHERE


def test_a_file_without_audio_is_answered_with_the_reason_and_not_tried_again(
    app: App, source: Source, tmp_path: Path
) -> None:
    put(tmp_path / "inbox/songs_to_check/broken.mp3", b"this is text\n" * 99)
    item = only(source, Job.CHECK)
    result = do_check(app, source, item)
    assert (result.outcome, result.note) == (
        JobOutcome.REFUSED,
        "it is a text file, not audio",
    )
    document = json.loads((tmp_path / "inbox/songs_to_check/broken.json").read_bytes())
    jsonschema.validate(document, load_schema("result"))
    assert document["error"] == "it is a text file, not audio"
    assert app.store.completed([job_key(item)])


def test_a_file_that_was_replaced_is_another_job(app: App, source: Source, tmp_path: Path) -> None:
    path = put(tmp_path / "inbox/songs_to_check/a.mp3", b"junk" * 999)
    do_check(app, source, only(source, Job.CHECK))
    put(path, song(1), written=NOW)
    assert do_check(app, source, only(source, Job.CHECK)).outcome is JobOutcome.DONE
    document = json.loads((tmp_path / "inbox/songs_to_check/a.json").read_bytes())
    assert "error" not in document


@pytest.mark.parametrize("job", [do_check, do_index, do_segment])
def test_what_cannot_be_opened_now_is_left_for_later(
    app: App, source: Source, tmp_path: Path, job: Any
) -> None:
    place = {do_check: "songs_to_check", do_index: "songs_to_index"}.get(
        job, "songs_to_check/streams"
    )
    path = put(tmp_path / "inbox" / place / "radio_20260301T120000.ts", aired(1))
    (item,) = source.items()
    path.unlink()
    assert job(app, source, item).outcome is JobOutcome.LATER
    assert app.store.claim([job_key(item)], "another", 60, NOW)


def test_a_source_that_fails_while_read_leaves_the_item_for_later(app: App) -> None:
    item = AudioItem("s3://b/k.mp3", "k.mp3", "1", Job.CHECK)
    source = InMemory(b"", OSError("connection reset"))
    assert do_check(app, source, item).outcome is JobOutcome.LATER
    assert source.answers == []


@pytest.mark.parametrize("job", [do_check, do_index, do_segment])
def test_what_is_gone_for_good_is_refused_and_not_answered(app: App, job: Any) -> None:
    item = AudioItem("s3://b/k_20260301T120000.mp3", "k.mp3", "1", Job.CHECK, station="k")
    source = Gone(b"")
    result = job(app, source, item)
    assert (result.outcome, result.note, result.gone) == (JobOutcome.REFUSED, "deleted", True)
    assert source.answers == []
    assert job(app, source, item).outcome is JobOutcome.ELSEWHERE


def test_a_defect_leaves_an_item_for_later_until_the_last_try(app: App) -> None:
    item = AudioItem("s3://b/k.mp3", "k.mp3", "1", Job.CHECK)
    source = InMemory(b"", ZeroDivisionError("never"))
    assert do_check(app, source, item).outcome is JobOutcome.LATER
    result = do_check(app, source, item, last_try=True)
    assert result.outcome is JobOutcome.REFUSED
    assert "ZeroDivisionError" in source.answers[0]["error"]


def test_a_segment_is_heard_at_the_time_in_its_name(
    known: App, source: Source, tmp_path: Path
) -> None:
    streams(tmp_path, "radio_one_20260301T120000.000001.ts", aired(1))
    result = do_segment(known, source, only(source, Job.SEGMENT))
    assert result.outcome is JobOutcome.DONE
    assert known.store.heards("radio_one") == list(result.heards)
    (play,) = known.plays("radio_one", AIRED, NOW)
    assert abs(play.start - AIRED) < timedelta(seconds=0.2)
    assert do_segment(known, source, only(source, Job.SEGMENT)).outcome is JobOutcome.ELSEWHERE


def test_a_segment_without_a_date_ended_when_it_was_written(
    known: App, source: Source, tmp_path: Path
) -> None:
    streams(tmp_path, "radio_one.000001.ts", aired(1), written=AIRED)
    do_segment(known, source, only(source, Job.SEGMENT))
    (play,) = known.plays("radio_one", AIRED - timedelta(hours=1), NOW)
    assert abs((AIRED - play.start).total_seconds() - SONG_S) < 0.1


def test_a_segment_without_audio_is_remembered_and_not_tried_again(
    app: App, source: Source, tmp_path: Path
) -> None:
    streams(tmp_path, "radio_one_20260301T120000.ts", b"\0" * 4000)
    result = do_segment(app, source, only(source, Job.SEGMENT))
    assert result.outcome is JobOutcome.REFUSED
    assert result.note == "it holds nothing but zeros"
    assert app.store.completed([job_key(result.item)])
    assert app.store.stations() == []


def test_a_segment_that_the_journal_would_not_keep_is_not_heard(
    app: App, source: Source, tmp_path: Path
) -> None:
    streams(tmp_path, "radio_one_20200301T120000.ts", aired(1))
    result = do_segment(app, source, only(source, Job.SEGMENT))
    assert result.outcome is JobOutcome.REFUSED and "retention" in result.note
    assert app.store.stations() == []


def test_the_work_of_one_that_died_is_taken_over_when_its_lease_has_run_out(
    known: App, source: Source, tmp_path: Path
) -> None:
    streams(tmp_path, "radio_one_20260301T120000.ts", aired(1))
    item = only(source, Job.SEGMENT)
    known.store.claim([job_key(item)], "dead", 60, NOW - timedelta(seconds=59))
    assert do_segment(known, source, item).outcome is JobOutcome.ELSEWHERE
    known.clock = lambda: NOW + timedelta(seconds=2)
    assert do_segment(known, source, item).outcome is JobOutcome.DONE
