"""How far a long job had come when its time was up, kept in the store as small facts.

The next run takes it up there. Chunks are numbered; each says from which window to which
it reaches, so that what a killed run left can be told from what belongs together.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from songid.app import App
from songid.audio.decode import Decoding
from songid.documents import compact_json, heard_document, heard_from
from songid.interfaces import Store
from songid.listening.hear import PART_WINDOWS
from songid.listening.parts import Part, listen_in_parts, never
from songid.model import Heard

_SCHEMA = "songid.checkpoint/1"
# DynamoDB takes items of 400 kB: "Constraints in Amazon DynamoDB" in its developer guide.
_MOST_CHARACTERS = 250_000
_KEEP_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What runs of a job have heard: `windows` of its audio, kept in `chunks` facts."""

    windows: int = 0
    heards: tuple[Heard, ...] = ()
    chunks: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """One run of hearing long audio: all `heards` so far, and how many of them are `new`.

    since, windows: where it began and came to. `finished`: the audio is at its end.
    `chunks`: how many facts are kept of it, to be forgotten when the job is done.
    """

    heards: tuple[Heard, ...]
    new: int
    since: int
    windows: int
    finished: bool
    chunks: int


def terms_of(app: App) -> str:
    """What must be the same for parts of one piece of audio to be put together."""
    text = f"{app.fingerprinter.identity};{app.listen_rules!r};{PART_WINDOWS}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def hear_from_checkpoint(
    app: App,
    key: str,
    audio: Decoding,
    *,
    start: datetime,
    station: str = "",
    source: str = "",
    pause: Callable[[], bool] | None,
) -> Run:
    """Hear audio to its end, or until `pause` says so; what was heard earlier is not again.

    `pause` None: in one go, and nothing is kept meanwhile.
    """
    terms = terms_of(app)
    at = load(app.store, key, terms) if pause else Checkpoint()
    since, earlier = at.windows, len(at.heards)
    heards = list(at.heards)
    unkept: list[Part] = []
    kept_at, finished = time.monotonic(), False
    for part in listen_in_parts(
        app.listener,
        audio,
        station=station,
        start=start,
        source=source,
        skip=at.windows,
        stop=pause or never,
    ):
        heards += part.heards
        unkept.append(part)
        finished = part.last
        if pause and not finished and time.monotonic() - kept_at >= _KEEP_EVERY_S:
            at = keep(app.store, key, terms, at, unkept)
            kept_at, unkept = time.monotonic(), []
    if not finished:
        at = keep(app.store, key, terms, at, unkept)
    return Run(tuple(heards), len(heards) - earlier, since, at.windows, finished, at.chunks)


def load(store: Store, job_key: str, terms: str) -> Checkpoint:
    """How far the job had come; from the beginning if nothing is known that still holds."""
    windows = number = 0
    heards: list[Heard] = []
    while (text := store.get_meta(_key(job_key, number))) is not None:
        document = _unpacked(text)
        if (document["terms"], document["from"]) != (terms, windows):
            forget(store, job_key, number)
            break
        heards += (heard_from(each) for each in document["heards"])
        windows = int(document["to"])
        number += 1
    return Checkpoint(windows, tuple(heards), number)


def keep(
    store: Store, job_key: str, terms: str, earlier: Checkpoint, parts: Sequence[Part]
) -> Checkpoint:
    """Keep parts that follow on `earlier`; returns how far it is now."""
    if not parts:
        return earlier
    heards = [heard for part in parts for heard in part.heards]
    document = {
        "schema": _SCHEMA,
        "terms": terms,
        "from": earlier.windows,
        "to": parts[-1].windows,
        "heards": [heard_document(heard) for heard in heards],
    }
    text = _packed(document)
    if len(text) > _MOST_CHARACTERS and len(parts) > 1:
        half = len(parts) // 2
        earlier = keep(store, job_key, terms, earlier, parts[:half])
        return keep(store, job_key, terms, earlier, parts[half:])
    store.put_meta(_key(job_key, earlier.chunks), text)
    return Checkpoint(parts[-1].windows, (*earlier.heards, *heards), earlier.chunks + 1)


def forget(store: Store, job_key: str, first: int = 0) -> None:
    """Forget how far a job had come, from the chunk `first` on; it is done, or begun anew."""
    number = first
    while store.get_meta(_key(job_key, number)) is not None:
        number += 1
    if number > first:
        store.delete_meta([_key(job_key, each) for each in range(first, number)])


def _packed(document: dict[str, Any]) -> str:
    data = compact_json(document, "ascii").encode("ascii")
    return base64.b64encode(zlib.compress(data)).decode("ascii")


def _unpacked(text: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(text)))
    return document


def _key(job_key: str, number: int) -> str:
    return f"checkpoint:{job_key}:{number}"
