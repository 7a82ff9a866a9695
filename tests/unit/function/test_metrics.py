"""Metrics against what CloudWatch takes: "Specification: Embedded metric format" in its guide."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema
import pytest

from songid.catalogue.indexing import Indexed, Outcome
from songid.function.metrics import Invocation, metric_lines
from songid.jobs.outcomes import JobOutcome, JobResult
from songid.model import AudioItem, Heard, Job, Match, Recording

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

_NAME = {"type": "string", "minLength": 1, "maxLength": 1024}
EMF = {
    "type": "object",
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "properties": {
                "Timestamp": {"type": "integer", "minimum": 0},
                "CloudWatchMetrics": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["Namespace", "Dimensions", "Metrics"],
                        "properties": {
                            "Namespace": _NAME,
                            "Dimensions": {
                                "type": "array",
                                "minItems": 1,
                                "items": {
                                    "type": "array",
                                    "maxItems": 30,
                                    "items": {"type": "string", "minLength": 1, "maxLength": 250},
                                },
                            },
                            "Metrics": {
                                "type": "array",
                                "maxItems": 100,
                                "items": {
                                    "type": "object",
                                    "required": ["Name"],
                                    "properties": {
                                        "Name": _NAME,
                                        "Unit": {"enum": ["Seconds", "Milliseconds", "Count"]},
                                    },
                                    "additionalProperties": False,
                                },
                            },
                        },
                        "additionalProperties": False,
                    },
                },
            },
            "additionalProperties": False,
        }
    },
}


def check(line: str) -> dict[str, Any]:
    """The line's document, which holds every dimension and metric that it announces."""
    assert "\n" not in line and len(line) < 256 * 1024
    document: dict[str, Any] = json.loads(line)
    jsonschema.validate(document, EMF)
    for directive in document["_aws"]["CloudWatchMetrics"]:
        for names in directive["Dimensions"]:
            assert all(isinstance(document[name], str) and document[name] for name in names)
        for metric in directive["Metrics"]:
            value = document[metric["Name"]]
            values = value if isinstance(value, list) else [value]
            assert 0 < len(values) <= 100
            assert all(isinstance(each, int | float) for each in values)
    return document


def segment(station: str, seconds_ago: float, confidence: float = 0.999) -> JobResult:
    item = AudioItem(f"s3://b/{station}", station, "1", Job.SEGMENT, station=station)
    match = Match("r", 0.0, 0.0, 12.0, 99, 9.0, confidence)
    heard = Heard(station, NOW - timedelta(seconds=seconds_ago + 12), 12.0, (match,))
    return JobResult(item, JobOutcome.DONE, heards=(heard,))


@pytest.fixture
def invocation() -> Invocation:
    return Invocation({"radio"}, 0.99)


def lines(invocation: Invocation) -> list[dict[str, Any]]:
    told = metric_lines(invocation, function="songid", handler_ms=12.34, cache_hits=7, now=NOW)
    return [check(line) for line in told]


def test_an_invocation_that_did_nothing_says_so(invocation: Invocation) -> None:
    (document,) = lines(invocation)
    assert document["function"] == "songid" and document["handler_ms"] == 12.3
    assert document["segments"] == 0 and document["cache_hits"] == 7
    assert "latency_s" not in document
    assert document["_aws"]["Timestamp"] == 1772366400000


def test_what_was_done_is_counted_in_all_and_for_each_station_of_the_settings(
    invocation: Invocation,
) -> None:
    for each in (segment("radio", 3.5), segment("radio", 5), segment("pirate", 1, 0.5)):
        invocation.add(each, NOW)
    song = AudioItem("s3://b/s", "s", "1", Job.INDEX)
    recording = Recording("r", "t", duration_s=200.0)
    added = Indexed("s", Outcome.ADDED, recording)
    invocation.add(JobResult(song, JobOutcome.DONE, indexed=added), NOW)
    invocation.add(JobResult(song, JobOutcome.REFUSED, "no"), NOW)
    invocation.add(JobResult(song, JobOutcome.LATER, audio_s=60.0), NOW)
    invocation.add(JobResult(song, JobOutcome.ELSEWHERE), NOW)
    invocation.total.failed = 1
    whole, radio = lines(invocation)
    assert (whole["audio_seconds"], whole["matches"], whole["segments"]) == (296.0, 2, 3)
    assert (whole["recordings_indexed"], whole["refused"], whole["failed"]) == (1, 1, 1)
    assert whole["latency_s"] == [3.5, 5, 1]
    (directive,) = radio["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["function", "station"]]
    assert {each["Name"] for each in directive["Metrics"]} == {
        "audio_seconds",
        "matches",
        "segments",
        "latency_s",
    }
    assert (radio["station"], radio["audio_seconds"], radio["latency_s"]) == ("radio", 24, [3.5, 5])


def test_of_many_values_no_more_are_told_than_a_line_may_hold(invocation: Invocation) -> None:
    for number in range(250):
        invocation.add(segment("radio", number), NOW)
    whole, _ = lines(invocation)
    assert whole["segments"] == 250 and len(whole["latency_s"]) == 100
