"""The conformance kit for sinks: subclass `SinkConformance` and say how to read back."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from songid.interfaces import Sink
from songid.model import Event, EventKind
from songid.testing import strategies

_ODD_NAMES = ["", ".", "..", "../../x", "/etc", "a/b\\c", "a\nb", "😀", "x" * 300, "\udce9"]


def event(number: int = 1, **changes: Any) -> Event:
    """A play that started, as the engine announces it."""
    document = {
        "schema": "songid.event/1",
        "event_id": f"play:{number}",
        "event": "play_started",
        "station": "Radio 1",
        "timestamp_utc": "2024-05-01 23:59:59",
        "metadata": {
            "timestamp_utc": "2024-05-01 23:59:59",
            "played_duration": 12.25,
            "title": "Für Élise",
            "artists": [{"name": "Ludwig van Beethoven"}],
            "external_ids": {"isrc": "GBAAA0000001"},
        },
    }
    fields: dict[str, Any] = {
        "event_id": f"play:{number}",
        "kind": EventKind.PLAY_STARTED,
        "station": "Radio 1",
        "document": document,
    }
    return Event(**(fields | changes))


class SinkConformance:
    """Everything a `songid.interfaces.Sink` must do.

    Give `open_sink(place)` and `delivered(place)`, which reads the documents that have
    arrived, in any order. Set `drops_repeats = False` for a sink whose readers have to
    tell repetitions by `event_id`, `keeps_order = True` for one that keeps the order.
    """

    drops_repeats = True
    keeps_order = False

    def open_sink(self, place: Path) -> Sink:
        """Open a sink that delivers to `place`, a folder of the test's own."""
        raise NotImplementedError("a subclass says how to open its sink")

    def delivered(self, place: Path) -> list[dict[str, Any]]:
        """The documents delivered so far."""
        raise NotImplementedError("a subclass says how to read what its sink delivered")

    @pytest.fixture
    def sink(self, tmp_path: Path) -> Iterator[Sink]:
        """A sink that has delivered nothing."""
        sink = self.open_sink(tmp_path)
        yield sink
        sink.close()

    def test_it_is_a_sink(self, sink: Sink) -> None:
        assert isinstance(sink, Sink)

    def test_an_event_is_delivered_when_send_returns(self, sink: Sink, tmp_path: Path) -> None:
        sent = event()
        sink.send(sent)
        assert self.delivered(tmp_path) == [
            {
                **sent.document,
                "event_id": "play:1",
                "event": "play_started",
                "station": "Radio 1",
            }
        ]

    @pytest.mark.parametrize("kind", list(EventKind))
    def test_every_kind_of_event_is_delivered(
        self, sink: Sink, tmp_path: Path, kind: EventKind
    ) -> None:
        sink.send(event(kind=kind))
        assert [each["event"] for each in self.delivered(tmp_path)] == [kind.value]

    def test_many_events_are_all_delivered(self, sink: Sink, tmp_path: Path) -> None:
        for number in range(30):
            sink.send(event(number))
        arrived = [each["event_id"] for each in self.delivered(tmp_path)]
        expected = [f"play:{number}" for number in range(30)]
        assert (arrived if self.keeps_order else sorted(arrived)) == (
            expected if self.keeps_order else sorted(expected)
        )

    def test_an_event_that_comes_again_keeps_its_event_id(self, sink: Sink, tmp_path: Path) -> None:
        for _ in range(3):
            sink.send(event(1))
        sink.send(event(2))
        arrived = [each["event_id"] for each in self.delivered(tmp_path)]
        assert set(arrived) == {"play:1", "play:2"}
        if self.drops_repeats:
            assert len(arrived) == 2

    def test_an_event_that_comes_again_after_a_restart_is_one(self, tmp_path: Path) -> None:
        for _ in range(2):
            sink = self.open_sink(tmp_path)
            sink.send(event())
            sink.close()
        arrived = {each["event_id"] for each in self.delivered(tmp_path)}
        assert arrived == {"play:1"}
        if self.drops_repeats:
            assert len(self.delivered(tmp_path)) == 1

    def test_closing_twice_does_no_harm(self, tmp_path: Path) -> None:
        sink = self.open_sink(tmp_path)
        sink.close()
        sink.close()

    def test_threads_may_send_at_once(self, sink: Sink, tmp_path: Path) -> None:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(sink.send, [event(number) for number in range(40)]))
        arrived = sorted(each["event_id"] for each in self.delivered(tmp_path))
        assert arrived == sorted(f"play:{number}" for number in range(40))

    def test_a_document_without_a_time_is_delivered(self, sink: Sink, tmp_path: Path) -> None:
        sink.send(event(document={}))
        (arrived,) = self.delivered(tmp_path)
        assert arrived["event_id"] == "play:1"

    @pytest.mark.parametrize(
        "name",
        ["", ".", "..", "../../x", "/etc", "a/b\\c", "a\nb", "CON", "😀", "x" * 300, "\udce9"],
    )
    def test_stations_of_any_name_are_delivered_and_kept_apart(
        self, sink: Sink, tmp_path: Path, name: str
    ) -> None:
        sink.send(event(1, station=name))
        sink.send(event(1, station=name + "2"))
        arrived = self.delivered(tmp_path)
        assert sorted(each["station"] for each in arrived) == sorted([name, name + "2"])

    @given(event_id=strategies.texts, station=strategies.texts, title=strategies.texts)
    @settings(
        max_examples=30,
        deadline=None,
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,
            HealthCheck.differing_executors,
        ],
    )
    def test_any_text_arrives_as_it_was(
        self, sink: Sink, tmp_path: Path, event_id: str, station: str, title: str
    ) -> None:
        event_id = f"{len(self.delivered(tmp_path))} {event_id}"
        sink.send(event(event_id=event_id, station=station, document={"title": title}))
        assert any(
            (each["event_id"], each["station"], each.get("title")) == (event_id, station, title)
            for each in self.delivered(tmp_path)
        )
