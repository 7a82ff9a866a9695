"""The queue as a sink, standard and FIFO; and what messages of either service look like."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cloud_material import REGION, Cloud, throttled

from songid.errors import PluginError, SinkError
from songid.interfaces import Sink
from songid.model import EventKind
from songid.plugin_manager import load
from songid.testing.sinks import SinkConformance, event
from songid_plugins.sinks.messages import LARGEST_BYTES, attributes, message_text, order

HOST = "https://sqs.eu-west-1.amazonaws.com"


def open_sink(url: str) -> Sink:
    sink: Sink = load().open("sinks", url)
    return sink


class QueueConformance(SinkConformance):
    fifo = False

    @pytest.fixture(autouse=True)
    def keep_cloud(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.queue = cloud.queue(fifo=self.fifo)
        self.arrived: list[dict[str, Any]] = []

    def open_sink(self, place: Path) -> Sink:
        return open_sink(f"sqs:{self.queue}")

    def delivered(self, place: Path) -> list[dict[str, Any]]:
        self.arrived += self.cloud.bodies(self.queue)
        return self.arrived


class TestQueueSink(QueueConformance):
    drops_repeats = False


class TestFifoQueueSink(QueueConformance):
    fifo = True
    keeps_order = True


@pytest.mark.parametrize("kind", [EventKind.REFUSED, EventKind.CONTINUED])
def test_the_functions_own_events_go_through_with_their_reason(
    cloud: Cloud, kind: EventKind
) -> None:
    queue = cloud.queue()
    document = {"reason": "it is a text file, not audio\x00", "key": "songs_to_check/a.mp3"}
    open_sink(f"sqs:{queue}").send(event(kind=kind, station="", document=document))
    (message,) = cloud.received(queue)
    told = {name: each["StringValue"] for name, each in message["MessageAttributes"].items()}
    assert told == {"event": kind.value, "reason": "it is a text file, not audio\ufffd"}
    assert json.loads(message["Body"])["key"] == "songs_to_check/a.mp3"


def test_a_fifo_message_is_of_its_stations_group_and_its_events_id(cloud: Cloud) -> None:
    queue = cloud.queue(fifo=True)
    event_id = "0123456789abcdef0123456789abcdef"
    open_sink(f"sqs:{queue}").send(event(event_id=event_id, station="Radio 1"))
    (message,) = cloud.received(queue)
    assert message["Attributes"]["MessageGroupId"] == "Radio%201"
    assert message["Attributes"]["MessageDeduplicationId"] == event_id


def test_everything_arrives_once_though_every_third_request_is_refused(cloud: Cloud) -> None:
    queue = cloud.queue()
    sink = open_sink(f"sqs:{queue}")
    with throttled(cloud, ["sqs"]) as throttle:
        for number in range(12):
            sink.send(event(number))
    assert throttle.refused == 5
    arrived = [body["event_id"] for body in cloud.bodies(queue)]
    assert sorted(arrived) == sorted(f"play:{number}" for number in range(12))


def test_a_queue_that_is_not_there_is_an_error_that_says_what_to_do(cloud: Cloud) -> None:
    with pytest.raises(SinkError, match="Create the queue"):
        open_sink(f"sqs:{cloud.endpoint}/123456789012/there-is-none").send(event())


@pytest.mark.parametrize(
    ("url", "region", "endpoint"),
    [
        (f"{HOST}/123456789012/q", "eu-west-1", ""),
        ("https://sqs.cn-north-1.amazonaws.com.cn/123456789012/q", "cn-north-1", ""),
        ("https://us-west-2.queue.amazonaws.com/123456789012/q", "us-west-2", ""),
        (
            "https://vpce-1a2b-3c.sqs.us-east-2.vpce.amazonaws.com/123456789012/q",
            "us-east-2",
            "https://vpce-1a2b-3c.sqs.us-east-2.vpce.amazonaws.com",
        ),
        ("http://localhost:4566/000000000000/q", REGION, "http://localhost:4566"),
        (f"{HOST}/123456789012/q?region=eu-west-3", "eu-west-3", ""),
    ],
)
def test_a_queues_url_tells_where_it_is(
    monkeypatch: pytest.MonkeyPatch, url: str, region: str, endpoint: str
) -> None:
    monkeypatch.setenv("AWS_REGION", REGION)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS"):
        monkeypatch.delenv(name, raising=False)
    client = open_sink(f"sqs:{url}")._client  # type: ignore[attr-defined]  # only here, to see it
    assert client.meta.region_name == region
    assert not endpoint or client.meta.endpoint_url == endpoint


@pytest.mark.parametrize(
    "url", ["sqs:", "sqs:songs", f"sqs:{HOST}", f"sqs:{HOST}/", "sqs:ftp://a/b"]
)
def test_what_is_no_queue_is_refused(url: str) -> None:
    with pytest.raises(PluginError, match="queue's URL"):
        open_sink(url)


def test_an_unknown_option_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(PluginError, match="no option delay; there are: region, endpoint, role"):
        open_sink(f"sqs:{HOST}/123456789012/q?delay=1")


# -- messages ---------------------------------------------------------------------------


def test_an_event_that_is_too_long_loses_its_longest_parts_and_says_so() -> None:
    metadata = {"title": "short", "matches": ["x" * 1000] * 300, "sounds": ["y" * 1000] * 10}
    text = message_text(event(document={"metadata": metadata, "timestamp_utc": "2026-01-01"}))
    assert len(text.encode()) < LARGEST_BYTES
    document = json.loads(text)
    assert document["truncated"] == ["metadata.matches"]
    assert document["metadata"] == {"title": "short", "sounds": ["y" * 1000] * 10}
    assert document["timestamp_utc"] == "2026-01-01"


def test_a_refused_notice_that_is_too_long_keeps_its_reason() -> None:
    document = {"reason": "no audio", "body": "ä" * 200_000, "metadata": {}}
    kept = json.loads(message_text(event(kind=EventKind.REFUSED, document=document)))
    assert (kept["reason"], kept["truncated"]) == ("no audio", ["body"])


def test_a_message_is_of_characters_that_a_queue_takes() -> None:
    title = "a\x00\ud800\ufffe\uffff\U0001f600\t"
    text = message_text(event(document={"title": title}))
    assert text.isprintable()
    assert json.loads(text)["title"] == title


def test_an_attribute_is_cut_to_what_a_message_may_hold() -> None:
    told = attributes(event(station="😀" * 2000, document={"reason": "x" * 5000}))
    assert {name: len(each["StringValue"]) for name, each in told.items()} == {
        "station": 512,
        "event": 12,
        "reason": 512,
    }


def test_events_of_one_id_at_two_stations_are_two() -> None:
    keys = {order(event(station=name))["MessageDeduplicationId"] for name in ("a", "b")}
    assert len(keys) == 2
    assert order(event(station="a")) == order(event(station="a"))
