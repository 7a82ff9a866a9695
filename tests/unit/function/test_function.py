"""A function and a queue's batches: what is done is acknowledged, what failed comes again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from function_material import batch, created, documents, failures, make_function, request
from small_material import aired, put, song, title

from songid.errors import NotificationError, SettingsError, StoreError
from songid.function.function import Function, UndoneError
from songid.function.messages import CONTINUE_SCHEMA
from songid.jobs.outcomes import job_key
from songid.schemas import load_schema

AIRED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NOW = AIRED + timedelta(hours=1)
SONG = "songs_to_index/song.mp3"
EXCERPT = "songs_to_check/excerpt.mp3"
SEGMENT = "songs_to_check/streams/radio_20260301T120000.ts"

Make = Callable[..., Function]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[Function] = []

    def make(**settings: Any) -> Function:
        made.append(make_function(tmp_path, lambda: NOW, **settings))
        return made[-1]

    yield make
    for function in made:
        function.close()


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    return tmp_path / "inbox"


def deliver(inbox: Path) -> None:
    put(inbox / SONG, song(1))
    put(inbox / EXCERPT, song(1))
    put(inbox / SEGMENT, aired(1))


def handle(function: Function, *bodies: Any, **options: Any) -> list[str]:
    return failures(function.handle(batch(*bodies, **options), request()))


def test_a_batch_is_indexed_heard_and_checked_in_that_order(
    make: Make, inbox: Path, tmp_path: Path
) -> None:
    deliver(inbox)
    function = make()
    assert handle(function, created(EXCERPT), created(SEGMENT), created(SONG)) == []
    (recording,) = function.app.store.recordings()
    assert recording.title == title(1)
    answer = json.loads((inbox / "songs_to_check/excerpt.json").read_text())
    assert [play["title"] for play in answer["plays"]] == [title(1)]
    (play,) = function.app.plays("radio", AIRED, NOW)
    assert play.recording_id == recording.recording_id
    assert len(documents(tmp_path / "events", "play_started")) == 1
    assert documents(tmp_path / "dead", "refused") == []


def test_what_comes_again_changes_nothing(make: Make, inbox: Path, tmp_path: Path) -> None:
    deliver(inbox)
    function = make()
    events = [created(SONG), created(SEGMENT), created(EXCERPT)]
    assert handle(function, *events) == []
    heards = function.app.store.heards("radio")
    for again in (function, make()):
        assert handle(again, *events, *reversed(events), tries=3) == []
    assert len(function.app.store.recordings()) == 1
    assert function.app.store.heards("radio") == heards
    ids = [each["event_id"] for each in documents(tmp_path / "events", "heard")]
    assert len(ids) == len(set(ids)) == len(heards)


def test_notifications_of_all_forms_are_read(make: Make, inbox: Path) -> None:
    for number in range(1, 4):
        put(inbox / f"songs_to_index/{number}.mp3", song(number))
    key = "songs_to_index/{}.mp3".format
    topic = {"Type": "Notification", "Message": json.dumps(created(key(1)))}
    again = {"schema": CONTINUE_SCHEMA, "notice": created(key(2)), "windows": 0}
    classic = {"Records": [created(key(3))["detail"]]}
    test = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "sounds"}
    function = make()
    assert handle(function, topic, again, classic, test, created("songs_to_check/a.json")) == []
    assert len(function.app.store.recordings()) == 3


def test_an_event_that_comes_by_itself_is_done_or_raises(make: Make, inbox: Path) -> None:
    deliver(inbox)
    function = make(function__dead_letters="")
    assert function.handle(created(SONG), request()) == {}
    assert len(function.app.store.recordings()) == 1
    with pytest.raises(UndoneError, match=r"there is no songs_to_index/gone\.mp3"):
        function.handle(created("songs_to_index/gone.mp3"), request())


@pytest.mark.parametrize("event", [{}, {"a": 1}, [], "text", None])
def test_an_event_of_no_known_form_says_so(make: Make, event: Any) -> None:
    with pytest.raises(NotificationError, match="known form"):
        make(function__dead_letters="").handle(event, request())


def test_a_source_that_cannot_be_notified_says_so(make: Make, tmp_path: Path) -> None:
    function = make(inbox=f"folder:{tmp_path}/inbox")
    with pytest.raises(SettingsError, match="cannot be notified"):
        function.handle(batch(created(SONG)), request())


# -- what is refused ------------------------------------------------------------------


def test_poison_goes_to_the_dead_letters_with_its_reason_and_nothing_else_does(
    make: Make, inbox: Path, tmp_path: Path
) -> None:
    deliver(inbox)
    put(inbox / "songs_to_index/text.mp3", b"this is text\n" * 99)
    put(inbox / "songs_to_check/text.mp3", b"this is text\n" * 99)
    put(inbox / "songs_to_check/streams/radio_20260301T120100.ts", b"\0" * 4000)
    poison = [
        created("songs_to_index/text.mp3"),
        created("songs_to_check/text.mp3"),
        created("songs_to_check/streams/radio_20260301T120100.ts"),
        created(SONG, bucket="elsewhere"),
        {"what": "is this?"},
        "not even JSON",
    ]
    good = [created(SONG), created(SEGMENT), created(EXCERPT)]
    function = make()
    assert handle(function, *poison, *good) == []
    assert handle(function, *poison, *good, tries=2) == []
    letters = documents(tmp_path / "dead", "refused")
    for letter in letters:
        jsonschema.validate(letter, load_schema("refused"))
    assert sorted(letter["reason"] for letter in letters) == [
        "elsewhere is not sounds",
        "it holds nothing but zeros",
        "it is a text file, not audio",
        "it is a text file, not audio",
        'this is no notification of a new object: {"what": "is this?"}',
        "this is no notification: not even JSON",
    ]
    (of_segment,) = [letter for letter in letters if letter["station"] == "radio"]
    assert of_segment["notice"] == poison[2]
    assert of_segment["item"]["start"].startswith("2026-03-01T12:01:00")
    assert json.loads((inbox / "songs_to_check/text.json").read_text())["error"]


def test_without_a_place_for_dead_letters_poison_fails_each_time(make: Make, inbox: Path) -> None:
    deliver(inbox)
    put(inbox / "songs_to_index/text.mp3", b"this is text\n" * 99)
    put(inbox / "songs_to_check/text.mp3", b"this is text\n" * 99)
    put(inbox / "songs_to_check/streams/radio_20260301T120100.ts", b"\0" * 4000)
    function = make(function__dead_letters="")
    poison = [
        created("songs_to_index/text.mp3"),
        created("songs_to_check/text.mp3"),
        created("songs_to_check/streams/radio_20260301T120100.ts"),
        {"what": "is this?"},
    ]
    for tries in range(1, 7):
        failed = handle(function, *poison, created(SONG), tries=tries)
        assert failed == ["m0", "m1", "m2", "m3"]


def test_what_the_dead_letters_do_not_take_fails(make: Make, inbox: Path, tmp_path: Path) -> None:
    put(inbox / "songs_to_check/text.mp3", b"this is text\n" * 99)
    (tmp_path / "dead").write_text("a file where the sink wants a folder")
    function = make()
    assert handle(function, created("songs_to_check/text.mp3"), {"what": 1}) == ["m0", "m1"]
    (tmp_path / "dead").unlink()
    assert handle(function, created("songs_to_check/text.mp3"), {"what": 1}) == []
    assert len(documents(tmp_path / "dead", "refused")) == 2


# -- what fails -----------------------------------------------------------------------


def test_what_another_has_in_hand_fails_until_that_is_done(make: Make, inbox: Path) -> None:
    put(inbox / SONG, song(1))
    function = make()
    item = function._source.notified(created(SONG))
    assert item is not None
    function.app.store.claim([job_key(item)], "another", 60, NOW)
    assert handle(function, created(SONG)) == ["m0"]
    function.app.store.complete([job_key(item)], "another", NOW)
    assert handle(function, created(SONG)) == []
    assert function.app.store.recordings() == []


def test_a_defect_is_tried_again_and_at_last_refused(
    make: Make, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(inbox)
    function = make()

    def fails(*arguments: Any, **options: Any) -> None:
        raise ZeroDivisionError("never")

    monkeypatch.setattr(function.app, "index", fails)
    monkeypatch.setattr(function.app, "announce", fails)
    monkeypatch.setattr(function.app, "identified", fails)
    events = [created(SONG), created(SEGMENT), created(EXCERPT)]
    for tries in (1, 2, 3):
        assert handle(function, *events, tries=tries) == ["m0", "m1", "m2"]
        assert documents(tmp_path / "dead", "refused") == []
    assert handle(function, *events, tries=4) == []
    letters = documents(tmp_path / "dead", "refused")
    assert len(letters) == 3
    assert all("ZeroDivisionError: never" in letter["reason"] for letter in letters)


def test_a_song_on_which_songid_fails_is_not_the_others_fate(
    make: Make, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from songid.catalogue import reading

    for number in range(1, 4):
        put(inbox / f"songs_to_index/{number}.mp3", song(number))
    analyse = reading.analyse

    def fails_on_one(work: Any, *arguments: Any) -> Any:
        if work.path.name == "2.mp3":
            raise ZeroDivisionError("never")
        return analyse(work, *arguments)

    monkeypatch.setattr(reading, "analyse", fails_on_one)
    function = make()
    events = [created(f"songs_to_index/{number}.mp3") for number in range(1, 4)]
    assert handle(function, *events) == ["m1"]
    assert len(function.app.store.recordings()) == 2


def test_songs_of_a_batch_are_written_as_one_volume(make: Make, inbox: Path) -> None:
    for number in range(1, 4):
        put(inbox / f"songs_to_index/{number}.mp3", song(number))
    function = make()
    assert handle(function, *(created(f"songs_to_index/{n}.mp3") for n in range(1, 4))) == []
    assert len(function.app.store.volumes()) == 1


def test_when_the_store_fails_all_that_is_not_done_comes_again(
    make: Make, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(inbox)
    function = make()

    def fails(*arguments: Any, **options: Any) -> None:
        raise StoreError("the store is away")

    events = [created(SONG), created(SEGMENT), created(EXCERPT)]
    with monkeypatch.context() as patch:
        patch.setattr(function.app.store, "put_heards", fails)
        assert handle(function, *events) == ["m1", "m2"]
    with monkeypatch.context() as patch:
        patch.setattr(function.app.store, "claim", fails)
        assert handle(function, *events, tries=2) == ["m0", "m1", "m2"]
        assert function.fails_in_a_row == 2
    assert handle(function, *events, tries=3) == []
    assert function.fails_in_a_row == 0
    assert len(function.app.store.recordings()) == 1


def test_nothing_runs_on_and_no_claim_is_held_after_a_batch(make: Make, inbox: Path) -> None:
    import threading

    deliver(inbox)
    put(inbox / "songs_to_check/streams/radio_20260301T120100.ts", b"\0" * 4000)
    before = threading.enumerate()
    function = make(function__dead_letters="")
    bad = created("songs_to_check/streams/radio_20260301T120100.ts")
    assert handle(function, created(SONG), created(SEGMENT), bad) == ["m2"]
    assert threading.enumerate() == before
    item = function._source.notified(bad)
    assert item is not None
    assert function.app.store.claim([job_key(item)], "another", 60, NOW)
