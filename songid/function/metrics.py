"""What an invocation did as metrics, in CloudWatch's embedded metric format.

A line of JSON on standard output becomes metrics without any call: "Specification:
Embedded metric format" in the CloudWatch user guide. Each invocation writes one line, and
one more for each station of the settings that it heard; other stations have no metrics of
their own, for each costs money every month.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from songid.jobs.outcomes import JobOutcome, JobResult
from songid.model import Heard, Job

NAMESPACE = "songid"
_MOST_VALUES = 100
_UNITS = {
    "audio_seconds": "Seconds",
    "matches": "Count",
    "segments": "Count",
    "recordings_indexed": "Count",
    "refused": "Count",
    "failed": "Count",
    "latency_s": "Seconds",
    "cache_hits": "Count",
    "cache_misses": "Count",
    "handler_ms": "Milliseconds",
}
_OF_STATIONS = frozenset({"audio_seconds", "matches", "segments", "latency_s"})


@dataclass(slots=True)
class Tally:
    """The numbers of an invocation, or of one station in it.

    `matches`: windows of stations in which a recording was found, and plays found in files.
    `latencies_s`: from a segment's end to when it was done.
    """

    audio_s: float = 0.0
    matches: int = 0
    segments: int = 0
    indexed: int = 0
    refused: int = 0
    failed: int = 0
    latencies_s: list[float] = field(default_factory=list)

    def add(self, result: JobResult, threshold: float, now: datetime) -> None:
        """Count one result; a match counts from the confidence `threshold`."""
        self.audio_s += result.audio_s
        self.matches += result.plays
        if result.outcome is JobOutcome.REFUSED:
            self.refused += 1
        if result.outcome is not JobOutcome.DONE:
            return
        if result.indexed and result.indexed.recording:
            self.indexed += 1
            self.audio_s += result.indexed.recording.duration_s
        if result.item.job is Job.SEGMENT:
            self.segments += 1
            self.audio_s += sum(heard.duration_s for heard in result.heards)
            self.matches += sum(_is_match(heard, threshold) for heard in result.heards)
            end = max(heard.end for heard in result.heards)
            self.latencies_s.append((now - end).total_seconds())


@dataclass(slots=True)
class Invocation:
    """What is counted while an invocation runs; `stations` are those with metrics of their own."""

    stations: Collection[str]
    threshold: float
    total: Tally = field(default_factory=Tally)
    by_station: dict[str, Tally] = field(default_factory=dict)

    def add(self, result: JobResult, now: datetime) -> None:
        """Count one result."""
        self.total.add(result, self.threshold, now)
        station = result.item.station
        if result.item.job is Job.SEGMENT and station in self.stations:
            self.by_station.setdefault(station, Tally()).add(result, self.threshold, now)


def metric_lines(
    invocation: Invocation,
    *,
    function: str,
    request_id: str = "",
    handler_ms: float,
    cache_hits: int = 0,
    cache_misses: int = 0,
    now: datetime,
) -> Iterator[str]:
    """The lines to be written to standard output."""
    about = {"function": function, "request_id": request_id}
    whole = _values(invocation.total) | {
        "cache_hits": cache_hits,
        "cache_misses": cache_misses,
        "handler_ms": round(handler_ms, 1),
    }
    yield _line(about, ["function"], whole, now)
    for station, tally in sorted(invocation.by_station.items()):
        values = {key: value for key, value in _values(tally).items() if key in _OF_STATIONS}
        yield _line(about | {"station": station}, ["function", "station"], values, now)


def _values(tally: Tally) -> dict[str, Any]:
    values: dict[str, Any] = {
        "audio_seconds": round(tally.audio_s, 3),
        "matches": tally.matches,
        "segments": tally.segments,
        "recordings_indexed": tally.indexed,
        "refused": tally.refused,
        "failed": tally.failed,
    }
    if tally.latencies_s:
        # No more may stand in one line; any hundred of a burst tell as much.
        values["latency_s"] = [round(each, 3) for each in tally.latencies_s[-_MOST_VALUES:]]
    return values


def _line(
    about: dict[str, str], dimensions: list[str], values: dict[str, Any], now: datetime
) -> str:
    metrics = [{"Name": name, "Unit": _UNITS[name]} for name in values]
    directive = {"Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": metrics}
    head = {
        "_aws": {
            "Timestamp": int(now.astimezone(UTC).timestamp() * 1000),
            "CloudWatchMetrics": [directive],
        }
    }
    return json.dumps(head | about | values)


def _is_match(heard: Heard, threshold: float) -> bool:
    return any(match.confidence >= threshold for match in heard.matches)
