"""The domain's frozen types, in the words of the design: recording, heard, match, play.

They hold facts and small derivations of them; whatever needs a rule or a setting lives
in the room that owns the rule. All datetimes are timezone-aware.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]


class SoundKind(StrEnum):
    """What a stretch of audio sounds like."""

    MUSIC = "music"
    SPEECH = "speech"
    SILENCE = "silence"


_PASSWORD = re.compile(r"(://[^:/@?\s]*):[^/?\s\"']*@")
_SECRET_OPTION = re.compile(
    r"([?&](?:[\w.-]*(?:secret|passw(?:or)?d|pwd|token|apikey|signature|credentials?)"
    r"|(?:[\w.-]*[_.-])?(?:key|sig|code))=)[^&\s\"'#]*",
    re.IGNORECASE,
)


def without_secrets(text: str) -> str:
    """A URL, or a text with some, as it may be shown.

    The password before an `@` is left out, and what an option holds whose name says that it
    is a secret: `secret`, `token`, `api_key`, `sig` and the like.
    """
    return _SECRET_OPTION.sub(r"\1***", _PASSWORD.sub(r"\1:***@", text))


@dataclass(frozen=True, slots=True)
class ComponentURL:
    """A component's address: `scheme:rest?options`, or a bare scheme such as `landmark`.

    `rest` is what stands between the scheme's colon and the query, percent-decoded;
    `path` drops the `//` of an empty authority, so `sqlite:///var/x` names `/var/x`
    and `sqlite:x` the relative `x`.
    """

    text: str
    scheme: str
    rest: str
    options: Mapping[str, str]

    @classmethod
    def parse(cls, text: str) -> ComponentURL:
        """Take a component URL apart; it never fails, the plugin judges what it means."""
        head, _, query = text.partition("?")
        scheme, _, rest = head.partition(":")
        return cls(text, scheme.lower(), unquote(rest), dict(parse_qsl(query)))

    @classmethod
    def build(
        cls, scheme: str, rest: str = "", options: Mapping[str, str] | None = None
    ) -> ComponentURL:
        """Put a component URL together, quoting what must be; `parse` gives it back."""
        query = f"?{urlencode(options, quote_via=quote)}" if options else ""
        colon = ":" if rest else ""
        return cls.parse(f"{scheme}{colon}{quote(rest)}{query}")

    @property
    def path(self) -> str:
        """`rest` as a file path."""
        return self.rest.removeprefix("//") if self.rest.startswith("///") else self.rest

    def __str__(self) -> str:
        """The URL as it may be shown, in an error say; `text` is what it is."""
        return without_secrets(self.text)


@dataclass(frozen=True, slots=True)
class Warp:
    """The change under which a query was matched.

    A recording played faster by s has tempo = pitch = s; stretched by s only tempo = s;
    transposed by s only pitch = s. Query time multiplied by `tempo` is recording time;
    query frequency divided by `pitch` is recording frequency.
    """

    tempo: float = 1.0
    pitch: float = 1.0


UNWARPED = Warp()


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """All (hash, offset) of some audio.

    hashes: uint32, shape (n,); offsets_frames: uint32, shape (n,), the anchor's time in
    frames of the fingerprinter's `frame_s` seconds. Ordered by offset.
    """

    hashes: npt.NDArray[np.uint32]
    offsets_frames: npt.NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.hashes)


@dataclass(frozen=True, slots=True)
class Recording:
    """One sound recording of the catalogue.

    `content_sha256` is the hash of the file's bytes, `audio_sha256` of its fingerprint:
    two files of the same sound with other tags share the latter, and the later one names
    the earlier in `same_audio_as`. `removed_at` marks a recording that is no longer matched
    but still names old plays.
    """

    recording_id: str
    title: str
    artist: str = ""
    album: str = ""
    label: str = ""
    isrc: str = ""
    duration_s: float = 0.0
    source: str = ""
    content_sha256: str = ""
    audio_sha256: str = ""
    landmarks: int = 0
    indexed_at: datetime | None = None
    removed_at: datetime | None = None
    same_audio_as: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """One recording aligned at one lag (and one warp) with evidence for it.

    `lag_s` is the recording's offset at the window's start; `start_s` and `end_s` bound
    the aligned landmarks within the window. Matches of one window that share `evidence`
    rest on the same landmarks of the query (other lags of a loop, other versions of a
    song) and compete; different `evidence` means sounds heard together.
    """

    recording_id: str
    lag_s: float
    start_s: float
    end_s: float
    landmarks: int
    score: float
    confidence: float
    evidence: int = 0
    warp: Warp = UNWARPED


@dataclass(frozen=True, slots=True)
class SoundSpan:
    """A stretch of one kind of sound within a window, in seconds from its start."""

    start_s: float
    end_s: float
    kind: SoundKind


@dataclass(frozen=True, slots=True)
class Heard:
    """What one audio segment (or one window of a long file) gave; the journal's entry.

    Keyed by (station, start). `duration_s` is the time that was really heard.
    """

    station: str
    start: datetime
    duration_s: float
    matches: tuple[Match, ...] = ()
    sounds: tuple[SoundSpan, ...] = ()
    source: str = ""
    damaged: bool = False

    @property
    def end(self) -> datetime:
        """When the audio of this heard ends, in UTC."""
        # By way of UTC: within a zone Python adds to the local clock, over changes too.
        return self.start.astimezone(UTC) + timedelta(seconds=self.duration_s)


@dataclass(frozen=True, slots=True)
class Play:
    """Consecutive heards of one recording, merged.

    `offset_s` is the recording's offset at `start`; `heard_s` the time between start and
    end in which the station was heard at all (a hole in the recording does not count).
    """

    station: str
    recording_id: str
    start: datetime
    end: datetime
    offset_s: float
    heard_s: float
    confidence: float
    score: float
    landmarks: int
    warp: Warp = UNWARPED
    alternatives: tuple[str, ...] = ()

    @property
    def duration_s(self) -> float:
        """Seconds from start to end."""
        return (self.end.astimezone(UTC) - self.start.astimezone(UTC)).total_seconds()


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of a station's time without a play: unidentified sound, or a gap."""

    start: datetime
    end: datetime
    kind: SoundKind | None = None

    @property
    def duration_s(self) -> float:
        """Seconds from start to end."""
        return (self.end.astimezone(UTC) - self.start.astimezone(UTC)).total_seconds()


@dataclass(frozen=True, slots=True)
class AudioItem:
    """One piece of audio a source offers.

    `identity` changes when the bytes may have changed (size and time, version, etag);
    `job` is what its place asks for. `start` is known for a station's segments only;
    where a segment's name carries no date it is None, and `modified_at` (when the item
    was written in full) less the segment's duration is the best there is.
    """

    uri: str
    name: str
    identity: str
    job: Job
    size_bytes: int = 0
    station: str = ""
    start: datetime | None = None
    modified_at: datetime | None = None


class Job(StrEnum):
    """What an item's place in a bucket or inbox asks for."""

    INDEX = "index"
    CHECK = "check"
    SEGMENT = "segment"


class EventKind(StrEnum):
    """What a sink is told.

    The sinks of the settings are told what was heard and played. REFUSED goes to where
    dead letters go, CONTINUED to where a job is sent that takes another run to finish.
    """

    HEARD = "heard"
    PLAY_STARTED = "play_started"
    PLAY_ENDED = "play_ended"
    REFUSED = "refused"
    CONTINUED = "continued"


@dataclass(frozen=True, slots=True)
class Event:
    """Something a sink is told. `event_id` is the same however often it is delivered."""

    event_id: str
    kind: EventKind
    station: str
    document: Mapping[str, Any]
    recording_id: str = ""


@dataclass(frozen=True, slots=True)
class VolumeRow:
    """A volume as a store lists it; its header and postings are pages of the volume."""

    volume_id: str
    tier: int
    postings: int
    pages: int
    size_bytes: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RenderedFile:
    """One file of a report: its name, media type and content."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Calibration:
    """A measurement of false matches: windows of music that is not in the catalogue.

    `false_windows` of `windows` were matched at confidence `threshold` or above.
    `highest_score` is the best score that unknown music reached.
    """

    windows: int
    false_windows: int
    threshold: float
    highest_score: float
    recordings: int
    measured_at: datetime
    material: str = ""
    details: Mapping[str, float] = field(default_factory=dict)

    @property
    def false_positive_rate(self) -> float:
        """The share of windows of unknown music that were matched."""
        return self.false_windows / self.windows if self.windows else float("nan")
