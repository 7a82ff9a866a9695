"""Turns recordings, heards and events into JSON documents and back, exactly.

Stores and sinks share these, so that a journal written by one store reads the same in
another. A field that has its default value is left out; a reader ignores fields that it
does not know.

A recording's document has the fields of `songid.model.Recording`, a heard's those of
`Heard`, times as ISO 8601 in UTC with microseconds. Within a heard,

    matches: [{"recording_id", "lag_s", "start_s", "end_s", "landmarks", "score",
               "confidence", "evidence", "tempo", "pitch"}]
    sounds:  [[start_s, end_s, kind]]

Floats are written with as many digits as it takes to read the same float again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

from songid.model import Event, Heard, Match, Recording, SoundKind, SoundSpan, Warp

EVENT_SCHEMA = "songid.event/1"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_RECORDING_DEFAULTS = {each.name: each.default for each in fields(Recording)}
_MATCH_DEFAULTS: dict[str, Any] = {"evidence": 0, "tempo": 1.0, "pitch": 1.0}


def recording_document(recording: Recording) -> dict[str, Any]:
    """A recording as a JSON document."""
    document = {}
    for name, default in _RECORDING_DEFAULTS.items():
        value = getattr(recording, name)
        if value != default:
            document[name] = _plain(value, default)
    return document


def recording_from(document: Mapping[str, Any]) -> Recording:
    """The recording that `recording_document` was given."""
    known = {name: document[name] for name in _RECORDING_DEFAULTS if name in document}
    for name in ("indexed_at", "removed_at"):
        if known.get(name) is not None:
            known[name] = datetime.fromisoformat(known[name])
    return Recording(**known)


def heard_document(heard: Heard) -> dict[str, Any]:
    """A heard as a JSON document."""
    document: dict[str, Any] = {
        "station": heard.station,
        "start": time_text(heard.start),
        "duration_s": float(heard.duration_s),
    }
    if heard.matches:
        document["matches"] = [_match_document(match) for match in heard.matches]
    if heard.sounds:
        document["sounds"] = [
            [float(span.start_s), float(span.end_s), span.kind.value] for span in heard.sounds
        ]
    if heard.source:
        document["source"] = heard.source
    if heard.damaged:
        document["damaged"] = True
    return document


def heard_from(document: Mapping[str, Any]) -> Heard:
    """The heard that `heard_document` was given; its start is in UTC."""
    return Heard(
        station=document["station"],
        start=datetime.fromisoformat(document["start"]),
        duration_s=document["duration_s"],
        matches=tuple(_match_from(each) for each in document.get("matches", ())),
        sounds=tuple(
            SoundSpan(start_s, end_s, SoundKind(kind))
            for start_s, end_s, kind in document.get("sounds", ())
        ),
        source=document.get("source", ""),
        damaged=document.get("damaged", False),
    )


def event_document(event: Event) -> dict[str, Any]:
    """An event as sinks write it: schema, event_id, event and station, then its document."""
    head = {
        "schema": event.document.get("schema", EVENT_SCHEMA),
        "event_id": event.event_id,
        "event": event.kind.value,
        "station": event.station,
    }
    return head | {name: value for name, value in event.document.items() if name not in head}


def compact_json(document: Mapping[str, Any], encoding: str = "utf-8") -> str:
    """A document as one line that can be written in `encoding`.

    Names keep their letters where the encoding has them; otherwise (an ASCII terminal, a
    file name that is no valid UTF-8) all of the line is escaped.
    """
    line = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    try:
        line.encode(encoding)
    except UnicodeEncodeError:
        return json.dumps(document, separators=(",", ":"))
    return line


def time_text(moment: datetime) -> str:
    """A moment as ISO 8601 in UTC with microseconds; ValueError if it has no time zone."""
    return _aware(moment).astimezone(UTC).isoformat(timespec="microseconds")


def time_us(moment: datetime) -> int:
    """A moment in whole microseconds since 1970 UTC; ValueError if it has no time zone."""
    return (_aware(moment) - _EPOCH) // _MICROSECOND


def time_from_us(microseconds: int) -> datetime:
    """The moment that `time_us` was given, in UTC."""
    return _EPOCH + microseconds * _MICROSECOND


def _aware(moment: datetime) -> datetime:
    if moment.utcoffset() is None:
        raise ValueError(f"{moment.isoformat()} has no time zone; all times of songid have one")
    return moment


def _plain(value: Any, default: Any) -> Any:
    """A field's value as JSON has it; a number takes the type of the field's default."""
    if isinstance(value, datetime):
        return time_text(value)
    return type(default)(value) if isinstance(default, int | float) else value


def _match_document(match: Match) -> dict[str, Any]:
    document = {
        "recording_id": match.recording_id,
        "lag_s": float(match.lag_s),
        "start_s": float(match.start_s),
        "end_s": float(match.end_s),
        "landmarks": int(match.landmarks),
        "score": float(match.score),
        "confidence": float(match.confidence),
    }
    rest = {
        "evidence": int(match.evidence),
        "tempo": float(match.warp.tempo),
        "pitch": float(match.warp.pitch),
    }
    document.update({k: value for k, value in rest.items() if value != _MATCH_DEFAULTS[k]})
    return document


def _match_from(document: Mapping[str, Any]) -> Match:
    known = {**_MATCH_DEFAULTS, **document}
    return Match(
        recording_id=known["recording_id"],
        lag_s=known["lag_s"],
        start_s=known["start_s"],
        end_s=known["end_s"],
        landmarks=known["landmarks"],
        score=known["score"],
        confidence=known["confidence"],
        evidence=known["evidence"],
        warp=Warp(known["tempo"], known["pitch"]),
    )
