"""The topic as a sink, read through queues that are subscribed to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cloud_material import Cloud, throttled

from songid.errors import PluginError, SinkError
from songid.interfaces import Sink
from songid.model import EventKind
from songid.plugin_manager import load
from songid.testing.sinks import SinkConformance, event

ARN = "arn:aws:sns:eu-west-1:123456789012"


def open_sink(url: str) -> Sink:
    sink: Sink = load().open("sinks", url)
    return sink


class TopicConformance(SinkConformance):
    fifo = False

    @pytest.fixture(autouse=True)
    def keep_cloud(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.topic = cloud.topic(fifo=self.fifo)
        self.queue = cloud.subscribed(self.topic)
        self.arrived: list[dict[str, Any]] = []

    def open_sink(self, place: Path) -> Sink:
        return open_sink(f"sns:{self.topic}")

    def delivered(self, place: Path) -> list[dict[str, Any]]:
        self.arrived += self.cloud.bodies(self.queue)
        return self.arrived


class TestTopicSink(TopicConformance):
    drops_repeats = False


class TestFifoTopicSink(TopicConformance):
    fifo = True
    keeps_order = True


def test_attributes_let_a_subscription_choose(cloud: Cloud) -> None:
    topic = cloud.topic()
    queue = cloud.subscribed(topic, filter_policy={"station": ["r2"], "recording": ["rec1"]})
    sink = open_sink(f"sns:{topic}")
    for station in ("r1", "r2"):
        for recording in ("", "rec1"):
            sink.send(event(station=station, recording_id=recording))
    (message,) = cloud.received(queue)
    told = {name: each["StringValue"] for name, each in message["MessageAttributes"].items()}
    assert told == {"station": "r2", "event": "play_started", "recording": "rec1"}


def test_only_attributes_that_say_something_are_sent(cloud: Cloud) -> None:
    topic = cloud.topic()
    queue = cloud.subscribed(topic)
    document = {"reason": "no audio"}
    open_sink(f"sns:{topic}").send(event(station="", kind=EventKind.REFUSED, document=document))
    (message,) = cloud.received(queue)
    assert sorted(message["MessageAttributes"]) == ["event", "reason"]


def test_a_message_that_is_not_delivered_raw_carries_the_event_as_text(cloud: Cloud) -> None:
    topic = cloud.topic()
    queue = cloud.subscribed(topic, raw=False)
    open_sink(f"sns:{topic}").send(event(station="Rádio"))
    (body,) = cloud.bodies(queue)
    assert json.loads(body["Message"])["station"] == "Rádio"


def test_everything_arrives_once_though_every_third_request_is_refused(cloud: Cloud) -> None:
    topic = cloud.topic()
    queue = cloud.subscribed(topic)
    sink = open_sink(f"sns:{topic}")
    with throttled(cloud, ["sns"]) as throttle:
        for number in range(12):
            sink.send(event(number))
    assert throttle.refused == 5
    arrived = [body["event_id"] for body in cloud.bodies(queue)]
    assert sorted(arrived) == sorted(f"play:{number}" for number in range(12))


@pytest.mark.usefixtures("cloud")
def test_a_topic_that_is_not_there_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(SinkError, match="Create the topic"):
        open_sink(f"sns:{ARN}:there-is-none").send(event())


@pytest.mark.parametrize(
    "url", ["sns:", "sns:songs", f"sns:{ARN}", "sns:arn:aws:sqs:eu-west-1:123456789012:q"]
)
def test_what_is_no_topic_is_refused(url: str) -> None:
    with pytest.raises(PluginError, match="ARN"):
        open_sink(url)


def test_an_unknown_option_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(PluginError, match="no option subject; there are: region, endpoint, role"):
        open_sink(f"sns:{ARN}:songs?subject=x")
