"""Plays, heards and events as the JSON documents that sinks and `identify` hand out.

Field names follow those in common use in broadcast monitoring (timestamp_utc,
played_duration, play_offset_ms, score, external_ids), so that a consumer of such
callbacks has little to learn; schemas are in `songid/schemas`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from songid.model import Event, EventKind, Heard, Match, Play, Recording, Stretch, Warp

RESULT_SCHEMA = "songid.result/1"
EVENT_SCHEMA = "songid.event/1"


def play_document(
    play: Play, recording: Recording | None, *, origin: datetime | None = None
) -> dict[str, Any]:
    """A play with its recording's metadata.

    A station's play carries UTC timestamps; for one in a file give the file's `origin`
    (the moment its first sample was given) and it carries seconds from there.
    `recording` is None when the catalogue does not know it any more.
    """
    document: dict[str, Any]
    if origin is None:
        document = {
            "timestamp_utc": timestamp(play.start),
            "end_timestamp_utc": timestamp(play.end),
        }
    else:
        document = {
            "start_s": _seconds_from(origin, play.start),
            "end_s": _seconds_from(origin, play.end),
        }
    document["played_duration"] = round(play.heard_s, 3)
    document |= recording_document(play.recording_id, recording)
    document |= {
        "play_offset_ms": max(0, round(play.offset_s * 1000)),
        "score": _score(play.confidence),
        "landmarks": play.landmarks,
        "warp": _warp(play.warp),
    }
    if play.alternatives:
        document["alternatives"] = list(play.alternatives)
    return document


def recording_document(recording_id: str, recording: Recording | None) -> dict[str, Any]:
    """A recording's metadata; what is not known is left out or empty, never invented."""
    document: dict[str, Any] = {
        "recording_id": recording_id,
        "title": recording.title if recording else "",
        "artists": [{"name": recording.artist}] if recording and recording.artist else [],
    }
    if recording is None:
        return document | {"external_ids": {}}
    if recording.album:
        document["album"] = {"name": recording.album}
    if recording.label:
        document["label"] = recording.label
    if recording.duration_s > 0:
        document["duration_ms"] = round(recording.duration_s * 1000)
    return document | {"external_ids": {"isrc": recording.isrc} if recording.isrc else {}}


def result_document(
    source: str,
    *,
    origin: datetime,
    duration_s: float,
    heard_s: float,
    plays: Sequence[Play],
    recordings: Mapping[str, Recording],
    unidentified: Sequence[Stretch],
    damage: str = "",
) -> dict[str, Any]:
    """What was found in a file: `songid.result/1`.

    `duration_s` is how long the file says it is, `heard_s` how much could be read;
    `damage` says what is wrong with it, empty when nothing is.
    """
    return {
        "schema": RESULT_SCHEMA,
        "source": source,
        "duration_s": round(duration_s, 3),
        "heard_s": round(heard_s, 3),
        "damaged": bool(damage),
        "damage": damage,
        "plays": [
            play_document(play, recordings.get(play.recording_id), origin=origin) for play in plays
        ],
        "unidentified": [
            {
                "start_s": _seconds_from(origin, stretch.start),
                "end_s": _seconds_from(origin, stretch.end),
                "kind": stretch.kind,
            }
            for stretch in unidentified
        ],
    }


def heard_document(heard: Heard, recordings: Mapping[str, Recording]) -> dict[str, Any]:
    """What one audio segment gave, weak matches included; seconds count from its start."""
    return {
        "timestamp_utc": timestamp(heard.start),
        "played_duration": round(heard.duration_s, 3),
        "source": heard.source,
        "damaged": heard.damaged,
        "matches": [
            _match_document(match, recordings.get(match.recording_id)) for match in heard.matches
        ],
        "sounds": [
            {"start_s": round(span.start_s, 3), "end_s": round(span.end_s, 3), "kind": span.kind}
            for span in heard.sounds
        ],
    }


def event_document(
    event_id: str, kind: EventKind, station: str, at: datetime, metadata: Mapping[str, Any]
) -> dict[str, Any]:
    """The document of an event, `songid.event/1`: an envelope around `metadata`.

    `metadata` is a `heard_document` for a heard and a `play_document` for a play.
    """
    return {
        "schema": EVENT_SCHEMA,
        "event_id": event_id,
        "event": kind.value,
        "station": station,
        "timestamp_utc": timestamp(at),
        "metadata": dict(metadata),
    }


def heard_event(event_id: str, heard: Heard, recordings: Mapping[str, Recording]) -> Event:
    """The event that a segment was heard."""
    metadata = heard_document(heard, recordings)
    document = event_document(event_id, EventKind.HEARD, heard.station, heard.start, metadata)
    return Event(event_id, EventKind.HEARD, heard.station, document)


def play_event(event_id: str, kind: EventKind, play: Play, recording: Recording | None) -> Event:
    """The event that a play started or ended; a started one has no end to tell yet."""
    metadata = play_document(play, recording)
    at = play.end
    if kind is EventKind.PLAY_STARTED:
        del metadata["end_timestamp_utc"]
        at = play.start
    document = event_document(event_id, kind, play.station, at, metadata)
    return Event(event_id, kind, play.station, document, play.recording_id)


def timestamp(moment: datetime) -> str:
    """An aware moment as `2026-01-31 08:15:02`, in UTC, cut to whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _match_document(match: Match, recording: Recording | None) -> dict[str, Any]:
    return recording_document(match.recording_id, recording) | {
        "start_s": round(match.start_s, 3),
        "end_s": round(match.end_s, 3),
        "play_offset_ms": round((match.lag_s + match.start_s * match.warp.tempo) * 1000),
        "score": _score(match.confidence),
        "landmarks": match.landmarks,
        "warp": _warp(match.warp),
    }


def _score(confidence: float) -> float:
    """A confidence from 0 to 1 as a score from 0 to 100."""
    return round(confidence * 100, 2)


def _seconds_from(origin: datetime, moment: datetime) -> float:
    # By way of UTC: two moments of one zone would be subtracted by their local clocks.
    return round((moment.astimezone(UTC) - origin.astimezone(UTC)).total_seconds(), 3)


def _warp(warp: Warp) -> dict[str, float]:
    return {"tempo": round(warp.tempo, 5), "pitch": round(warp.pitch, 5)}
