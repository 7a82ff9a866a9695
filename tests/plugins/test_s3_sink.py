"""The bucket as a sink: an object per event, where Athena looks for it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cloud_material import Cloud, throttled

import songid
from songid.errors import PluginError, SinkError
from songid.interfaces import Sink
from songid.model import (
    Event,
    EventKind,
    Heard,
    Match,
    Play,
    Recording,
    SoundKind,
    SoundSpan,
)
from songid.plugin_manager import load
from songid.results import heard_event, play_event
from songid.testing.sinks import SinkConformance, event

AT = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)
README = Path(songid.__file__).parents[1] / "README.md"


def open_sink(url: str) -> Sink:
    sink: Sink = load().open("sinks", url)
    return sink


class TestS3Sink(SinkConformance):
    @pytest.fixture(autouse=True)
    def keep_cloud(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.bucket = cloud.bucket()
        self.read: dict[tuple[str, str], dict[str, Any]] = {}

    def open_sink(self, place: Path) -> Sink:
        return open_sink(f"s3://{self.bucket}/my%20events")

    def delivered(self, place: Path) -> list[dict[str, Any]]:
        stamps = self.cloud.stamps(self.bucket, "my events/")
        for key, etag in stamps:
            if (key, etag) not in self.read:
                self.read[key, etag] = json.loads(self.cloud.content(self.bucket, key))
        return [self.read[stamp] for stamp in stamps]


RECORDING = Recording(
    "rec1", "Title", "Artist", album="Album", label="Label", isrc="GBAAA0000001", duration_s=240.0
)
PLAY = Play(
    "radio_1",
    "rec1",
    AT,
    AT + timedelta(minutes=3),
    offset_s=0.0,
    heard_s=180.0,
    confidence=0.999,
    score=12.0,
    landmarks=1000,
    alternatives=("rec2",),
)
HEARD = Heard(
    "radio_1",
    AT,
    12.0,
    (Match("rec1", 3.0, 0.0, 12.0, 100, 12.0, 0.999),),
    (SoundSpan(0.0, 12.0, SoundKind.MUSIC),),
    source="s3://inbox/songs_to_check/streams/radio_1_20260301T235900.ts",
)


def events() -> dict[str, Event]:
    """One event of each table."""
    return {
        "heards": heard_event("1a", HEARD, {"rec1": RECORDING}),
        "play_starts": play_event("2b", EventKind.PLAY_STARTED, PLAY, RECORDING),
        "plays": play_event("3c", EventKind.PLAY_ENDED, PLAY, RECORDING),
    }


def test_each_kind_of_event_is_a_table_in_partitions_of_days_and_stations(cloud: Cloud) -> None:
    bucket = cloud.bucket()
    sink = open_sink(f"s3://{bucket}/airplay")
    for each in events().values():
        sink.send(each)
    assert cloud.keys(bucket) == [
        "airplay/heards/date=2026-03-01/station=radio_1/1a.json",
        "airplay/play_starts/date=2026-03-01/station=radio_1/2b.json",
        # It ended the day after, but is one of the plays of the day it began on.
        "airplay/plays/date=2026-03-01/station=radio_1/3c.json",
    ]
    content = cloud.content(bucket, "airplay/plays/date=2026-03-01/station=radio_1/3c.json")
    assert content.count(b"\n") == 1
    assert content.endswith(b"\n")
    head = cloud.client("s3").head_object(Bucket=bucket, Key=cloud.keys(bucket)[0])
    assert head["ContentType"] == "application/json"


def test_everything_arrives_once_though_every_third_request_is_refused(cloud: Cloud) -> None:
    bucket = cloud.bucket()
    sink = open_sink(f"s3://{bucket}")
    with throttled(cloud, ["s3"]) as throttle:
        for number in range(12):
            sink.send(event(number))
    assert throttle.refused == 6 - 1
    assert len(cloud.keys(bucket)) == 12


@pytest.mark.usefixtures("cloud")
def test_a_bucket_that_is_not_there_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(SinkError, match="was not written.*Create the bucket"):  # noqa: RUF043
        open_sink("s3://there-is-no-such-bucket").send(event())


@pytest.mark.parametrize("url", ["s3:", "s3://", "s3:events", "s3://bucket-1?format=ndjson"])
def test_a_url_that_cannot_be_meant_is_refused(url: str) -> None:
    with pytest.raises(PluginError):
        open_sink(url)


# -- what the README tells Athena -------------------------------------------------------


def columns(text: str) -> dict[str, Any]:
    """The columns of a struct (or table) as Athena's DDL writes them: names to types."""
    found: dict[str, Any] = {}
    depth = 0
    parts = [""]
    for character in text:
        depth += (character == "<") - (character == ">")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    for part in parts:
        name, kind = re.fullmatch(r"\s*`?(\w+)`?\s*[: ]\s*(.+?)\s*", part, re.S).groups()  # type: ignore[union-attr]  # a DDL that does not fit fails the test
        found[name] = type_of(kind)
    return found


def type_of(kind: str) -> Any:
    if kind.startswith("struct<"):
        return columns(kind.removeprefix("struct<").removesuffix(">"))
    if kind.startswith("array<"):
        return [type_of(kind.removeprefix("array<").removesuffix(">"))]
    return {"string": str, "double": (int, float), "bigint": int, "int": int, "boolean": bool}[kind]


def unfit(value: Any, kind: Any, path: str) -> list[str]:
    """Where a document is not what its table declares."""
    if isinstance(kind, dict):
        unknown = [f"{path}.{name} is not declared" for name in value if name not in kind]
        known = [unfit(value[name], kind[name], f"{path}.{name}") for name in kind if name in value]
        return unknown + [each for part in known for each in part]
    if isinstance(kind, list):
        return [each for item in value for each in unfit(item, kind[0], f"{path}[]")]
    return [] if isinstance(value, kind) else [f"{path} is {value!r}, not {kind}"]


def test_the_table_that_the_readme_declares_fits_the_documents() -> None:
    ddl = re.search(
        r"CREATE EXTERNAL TABLE plays \((.*?)\)\s*PARTITIONED BY(.*?);", README.read_text(), re.S
    )
    assert ddl is not None
    declared = columns(ddl[1])
    document = dict(events()["plays"].document)
    # The partition has them; a table may not have a column twice.
    del document["station"]
    assert unfit(document, declared, "plays") == []
    assert not {"station", "date"} & set(declared)
    assert "/plays/date=${date}/station=${station}/'" in ddl[2]


def test_a_play_of_a_recording_that_nothing_is_known_of_fits_as_well(cloud: Cloud) -> None:
    bucket = cloud.bucket()
    bare = replace(PLAY, alternatives=())
    open_sink(f"s3://{bucket}").send(play_event("1", EventKind.PLAY_ENDED, bare, None))
    (key,) = cloud.keys(bucket)
    assert json.loads(cloud.content(bucket, key))["metadata"]["title"] == ""
