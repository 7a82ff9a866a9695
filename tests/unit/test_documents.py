"""Documents of recordings, heards and events: exact both ways, and pinned."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given

from songid.documents import (
    compact_json,
    event_document,
    heard_document,
    heard_from,
    recording_document,
    recording_from,
    time_from_us,
    time_text,
    time_us,
)
from songid.model import (
    Event,
    EventKind,
    Heard,
    Match,
    Recording,
    SoundKind,
    SoundSpan,
    Warp,
)
from songid.testing import strategies

START = datetime(2024, 5, 1, 14, 0, 0, 1, tzinfo=timezone(timedelta(hours=2)))


@given(heard=strategies.heards)
def test_any_heard_comes_back_from_its_json(heard: Heard) -> None:
    back = heard_from(json.loads(compact_json(heard_document(heard))))
    assert replace(back, start=START) == replace(heard, start=START)
    assert back.start.astimezone(UTC) == heard.start.astimezone(UTC)


@given(recording=strategies.recordings)
def test_any_recording_comes_back_from_its_json(recording: Recording) -> None:
    back = recording_from(json.loads(compact_json(recording_document(recording))))
    assert recording_document(back) == recording_document(recording)
    assert replace(back, indexed_at=None, removed_at=None) == replace(
        recording, indexed_at=None, removed_at=None
    )


@given(moment=strategies.moments)
def test_any_moment_comes_back_to_the_microsecond(moment: datetime) -> None:
    assert time_from_us(time_us(moment)) == moment.astimezone(UTC)
    assert datetime.fromisoformat(time_text(moment)) == moment.astimezone(UTC)


def test_the_heards_document_is_pinned() -> None:
    match = Match("r1", -1.5, 0.0, 12.0, 40, 3.25, 0.99)
    warped = replace(match, evidence=1, warp=Warp(1.03, 0.5))
    sounds = (SoundSpan(0.0, 12.0, SoundKind.MUSIC),)
    heard = Heard("radio1", START, 12.0, (match, warped), sounds, "a.ts", True)
    assert compact_json(heard_document(heard)) == (
        '{"station":"radio1","start":"2024-05-01T12:00:00.000001+00:00","duration_s":12.0,'
        '"matches":[{"recording_id":"r1","lag_s":-1.5,"start_s":0.0,"end_s":12.0,'
        '"landmarks":40,"score":3.25,"confidence":0.99},'
        '{"recording_id":"r1","lag_s":-1.5,"start_s":0.0,"end_s":12.0,"landmarks":40,'
        '"score":3.25,"confidence":0.99,"evidence":1,"tempo":1.03,"pitch":0.5}],'
        '"sounds":[[0.0,12.0,"music"]],"source":"a.ts","damaged":true}'
    )


def test_the_recordings_document_is_pinned() -> None:
    recording = Recording("r1", "Títle", isrc="GBAAA0000001", duration_s=1.5, indexed_at=START)
    assert compact_json(recording_document(recording)) == (
        '{"recording_id":"r1","title":"Títle","isrc":"GBAAA0000001","duration_s":1.5,'
        '"indexed_at":"2024-05-01T12:00:00.000001+00:00"}'
    )


def test_what_a_newer_version_added_is_ignored() -> None:
    document = heard_document(Heard("s", START, 1.0)) | {"mood": "blue"}
    assert heard_from(document) == Heard("s", START, 1.0)
    assert recording_from({"recording_id": "r", "title": "T", "mood": "blue"}).title == "T"


def test_numbers_of_numpy_are_taken_for_plain_ones() -> None:
    heard = Heard(
        "s",
        START,
        np.float32(0.1),  # type: ignore[arg-type]  # what the test is about
        (Match("r", np.float64(1.5), 0.0, 1.0, np.int64(3), 1.0, 1.0),),  # type: ignore[arg-type]  # likewise
    )
    back = heard_from(json.loads(compact_json(heard_document(heard))))
    assert back.duration_s == float(np.float32(0.1))
    assert back.matches[0].landmarks == 3
    recording = Recording("r", "T", duration_s=np.float32(2.5), landmarks=np.int64(7))  # type: ignore[arg-type]  # likewise
    assert json.loads(compact_json(recording_document(recording)))["landmarks"] == 7


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        time_us(START.replace(tzinfo=None))


def test_an_events_document_begins_with_what_it_is_and_cannot_be_overruled() -> None:
    event = Event(
        "id", EventKind.PLAY_ENDED, "radio1", {"title": "T", "event_id": "x", "station": "y"}
    )
    assert list(event_document(event).items()) == [
        ("schema", "songid.event/1"),
        ("event_id", "id"),
        ("event", "play_ended"),
        ("station", "radio1"),
        ("title", "T"),
    ]


def test_json_is_escaped_only_where_the_encoding_needs_it() -> None:
    assert compact_json({"title": "É"}) == '{"title":"É"}'
    assert compact_json({"title": "É"}, "ascii") == '{"title":"\\u00c9"}'
    assert compact_json({"title": "\udce9"}) == '{"title":"\\udce9"}'
