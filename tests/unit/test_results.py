"""Results and events follow their published schemas."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import jsonschema
import pytest

from songid.model import (
    EventKind,
    Heard,
    Match,
    Play,
    Recording,
    SoundKind,
    SoundSpan,
    Stretch,
    Warp,
)
from songid.results import heard_event, play_document, play_event, result_document
from songid.schemas import load_schema

START = datetime(2026, 1, 31, 8, 15, 2, 700_000, tzinfo=UTC)
RECORDING = Recording(
    "r1", "One", "Ann", album="First", label="Weir", isrc="GBXYZ2600001", duration_s=200.5
)
PLAY = Play(
    "radio1", "r1", START, START + timedelta(seconds=180), 12.3456, 176.5, 0.98765, 55.0, 900,
    Warp(1.029, 1.029), ("r2",),
)  # fmt: skip
HEARD = Heard(
    "radio1",
    START,
    12.0,
    matches=(Match("r1", 30.0, 2.0, 12.0, 80, 40.0, 0.97), Match("gone", 1, 0, 5, 9, 3, 0.4)),
    sounds=(SoundSpan(0, 12, SoundKind.MUSIC),),
    source="radio1_20260131T081502.00001.ts",
)


def validate(document, name):
    jsonschema.Draft202012Validator(load_schema(name)).validate(document)


def test_a_station_play_has_the_field_names_in_common_use():
    assert play_document(PLAY, RECORDING) == {
        "timestamp_utc": "2026-01-31 08:15:02",
        "end_timestamp_utc": "2026-01-31 08:18:02",
        "played_duration": 176.5,
        "recording_id": "r1",
        "title": "One",
        "artists": [{"name": "Ann"}],
        "album": {"name": "First"},
        "label": "Weir",
        "duration_ms": 200500,
        "external_ids": {"isrc": "GBXYZ2600001"},
        "play_offset_ms": 12346,
        "score": 98.77,
        "landmarks": 900,
        "warp": {"tempo": 1.029, "pitch": 1.029},
        "alternatives": ["r2"],
    }


def test_a_play_in_a_file_counts_seconds_from_its_start():
    document = play_document(PLAY, RECORDING, origin=START - timedelta(seconds=5))
    assert (document["start_s"], document["end_s"]) == (5.0, 185.0)
    assert "timestamp_utc" not in document


def test_seconds_are_of_real_time_when_the_clock_is_changed():
    zone = ZoneInfo("Europe/London")
    origin = datetime(2026, 10, 25, 0, 30, tzinfo=zone)
    play = Play(
        "", "r1", origin, datetime(2026, 10, 25, 2, 30, tzinfo=zone), 0.0, 10800, 1.0, 9.0, 90
    )
    assert play_document(play, None, origin=origin)["end_s"] == 3 * 3600


@pytest.mark.parametrize("recording", [RECORDING, Recording("r1", "One"), None])
def test_a_result_keeps_its_schema_however_little_is_known(recording):
    document = result_document(
        "song.mp3",
        origin=START,
        duration_s=600,
        heard_s=200,
        plays=[PLAY],
        recordings={"r1": recording} if recording else {},
        unidentified=[
            Stretch(START + timedelta(seconds=180), START + timedelta(seconds=200), kind)
            for kind in (SoundKind.MUSIC, None)
        ],
        damage="ends after 3 min 20 s of 10 min",
    )
    validate(document, "result")
    assert document["damaged"] is True
    assert document["unidentified"][0] == {"start_s": 180.0, "end_s": 200.0, "kind": "music"}


def test_a_result_of_nothing_is_a_result():
    document = result_document(
        "x", origin=START, duration_s=0, heard_s=0, plays=[], recordings={}, unidentified=[]
    )
    validate(document, "result")
    assert document["damaged"] is False


@pytest.mark.parametrize("kind", [EventKind.PLAY_STARTED, EventKind.PLAY_ENDED])
@pytest.mark.parametrize("recording", [RECORDING, None])
def test_play_events_keep_their_schema(kind, recording):
    event = play_event("radio1/r1/1", kind, PLAY, recording)
    validate(event.document, "event")
    assert event.document["event"] == kind
    assert event.recording_id == "r1"
    ended = kind is EventKind.PLAY_ENDED
    assert ("end_timestamp_utc" in event.document["metadata"]) is ended
    assert event.document["timestamp_utc"].endswith("08:18:02" if ended else "08:15:02")


def test_a_heard_event_keeps_its_schema_and_shows_weak_matches():
    event = heard_event("radio1/1", HEARD, {"r1": RECORDING})
    validate(event.document, "event")
    first, weak = event.document["metadata"]["matches"]
    assert (first["title"], first["play_offset_ms"]) == ("One", 32000)
    assert (weak["title"], weak["score"]) == ("", 40.0)


@pytest.mark.parametrize("name", ["report", "result", "explanation", "event"])
def test_the_published_schemas_are_schemas(name):
    jsonschema.Draft202012Validator.check_schema(load_schema(name))
