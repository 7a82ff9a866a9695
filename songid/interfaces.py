"""What a source, fingerprinter, store, sink, report format and folder must do.

Each is a Protocol: a plugin's class need not inherit from it, and the conformance kits
in `songid.testing` hold it to the sentences written here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from songid.model import (
    UNWARPED,
    AudioItem,
    Event,
    Fingerprint,
    Heard,
    Recording,
    RenderedFile,
    Samples,
    VolumeRow,
    Warp,
)

if TYPE_CHECKING:
    from songid.report_model import DailyReport, ReportIndex


@runtime_checkable
class Source(Protocol):
    """Where audio comes from: an inbox folder, a logger's recordings, a bucket.

    Delivery may be late, repeated and out of order; whoever consumes copes with that.
    """

    def items(self) -> Iterator[AudioItem]:
        """List what is there now and complete (not still being written)."""
        ...

    def open(self, item: AudioItem) -> AbstractContextManager[BinaryIO]:
        """Open an item's bytes for reading; seekable where the source can."""
        ...

    def answer(self, item: AudioItem, document: bytes) -> str:
        """Write a result beside the item as `<stem>.json`, whole or not at all; its URI."""
        ...

    def close(self) -> None:
        """Release what the source holds."""
        ...


@runtime_checkable
class NotifiedSource(Source, Protocol):
    """A source that is told of each new item, beside being able to list them all."""

    def notified(self, notice: Mapping[str, Any]) -> AudioItem | None:
        """The item a notification (an S3 event's `detail`, say) tells of.

        None if nothing is to be done with it: a result that was written beside its file, a
        folder's mark. NotificationError if it is of no known form, of another place, or
        names what no job stands for.
        """
        ...


class Analysis(Protocol):
    """Some audio as its fingerprinter sees it, from which fingerprints are drawn.

    A query may be asked again under a warp without analysing the samples anew.
    """

    def for_index(self) -> Fingerprint:
        """The fingerprint that the catalogue keeps."""
        ...

    def for_query(self, warp: Warp = UNWARPED, *, quick: bool = False) -> Fingerprint:
        """The fingerprint to look up, as if `warp` had been undone; offsets unwarped too.

        `quick` asks for fewer landmarks, as many warps are tried with each.
        """
        ...


@runtime_checkable
class Fingerprinter(Protocol):
    """Turns samples into integer hashes at integer offsets.

    `identity` names algorithm, version and every parameter that changes a hash; a store
    remembers it and refuses another. Hashes are below 2**`hash_bits` (at most 32).
    """

    identity: str
    sample_rate_hz: int
    frame_s: float
    hash_bits: int

    def reach_frames(self, hashes: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
        """How far behind its offset the sound of each hash reaches, shape (n,); 0 if unknown.

        Where a match ends is the end of its last hash's sound.
        """
        ...

    def analyse(self, samples: Samples) -> Analysis:
        """Analyse mono float32 samples, shape (n,), at `sample_rate_hz`; n may be 0."""
        ...


@runtime_checkable
class DrawableFingerprinter(Fingerprinter, Protocol):
    """What a fingerprinter adds whose hashes can be drawn over the spectrogram they stand for.

    Without it `songid explain` tells the same, and draws no landmarks.
    """

    def points(self, fingerprint: Fingerprint) -> npt.NDArray[np.float64]:
        """Where the sound of each hash begins and ends, shape (n, 4).

        Columns are anchor_s, anchor_hz, target_s and target_hz: seconds on the axis of the
        offsets, in the sound that `for_index` would have had these hashes from.
        """
        ...


@runtime_checkable
class Store(Protocol):
    """Keeps pages, recordings, heards and claims; knows nothing of what pages mean.

    Every method is atomic: whoever is killed at any moment leaves either all of it or
    nothing visible, and what returned is kept.
    """

    def close(self) -> None:
        """Release connections; nothing else is lost by not calling it."""
        ...

    # -- small facts --------------------------------------------------------------

    def get_meta(self, key: str) -> str | None:
        """A small text remembered under `key`."""
        ...

    def put_meta(self, key: str, value: str) -> None:
        """Remember `value` under `key`."""
        ...

    def put_meta_once(self, key: str, value: str) -> str:
        """Remember `value` if `key` has none yet; return what is remembered then."""
        ...

    def delete_meta(self, keys: Sequence[str]) -> None:
        """Forget `keys`; those that are not there are no error."""
        ...

    # -- volumes and pages --------------------------------------------------------

    def put_pages(self, volume_id: str, pages: Sequence[tuple[int, bytes]]) -> None:
        """Write pages of a volume that is not committed yet (and so not visible)."""
        ...

    def get_pages(self, keys: Sequence[tuple[str, int]]) -> list[bytes]:
        """The pages (volume_id, number) in the order asked; PageGoneError if one is gone."""
        ...

    def commit_volume(
        self,
        volume: VolumeRow | None,
        recordings: Sequence[Recording] = (),
        *,
        replaces: Sequence[str] = (),
        removes: Sequence[str] = (),
        now: datetime,
    ) -> list[Recording]:
        """Make a volume visible, in one step with all that comes with it.

        The volumes `replaces` are retired (their pages stay until `drop_retired`), the
        recordings `removes` are marked removed at `now`, and `recordings` are added, but
        one whose `content_sha256` a live recording already has is added as removed, and
        returned. If a volume of `replaces` is not live any more, nothing is changed and
        StoreError is raised. `volume` is None where a merge leaves no posting at all.
        """
        ...

    def volumes(self) -> list[VolumeRow]:
        """The live volumes, oldest first."""
        ...

    def catalogue_version(self) -> int:
        """A number that grows whenever volumes or recordings change."""
        ...

    def drop_retired(self, *, retired_before: datetime, orphans_before: datetime) -> int:
        """Delete pages of volumes retired, and of never committed ones begun, before then.

        Returns how many volumes' pages were deleted.
        """
        ...

    # -- recordings ---------------------------------------------------------------

    def recordings(
        self, ids: Sequence[str] | None = None, *, removed: bool = False
    ) -> list[Recording]:
        """Recordings by id (removed ones included), or all live (`removed`: all removed)."""
        ...

    def find_recordings(
        self, *, content_sha256: str = "", audio_sha256: str = "", source: str = ""
    ) -> list[Recording]:
        """Live recordings that have the one value given."""
        ...

    def update_recordings(self, recordings: Sequence[Recording]) -> None:
        """Replace the metadata of recordings that are there, by id; others are ignored."""
        ...

    def removed_ids(self) -> set[str]:
        """The ids of all recordings that are marked removed."""
        ...

    # -- the journal --------------------------------------------------------------

    def put_heards(self, heards: Sequence[Heard]) -> None:
        """Add heards; one with the same (station, start) is replaced."""
        ...

    def heards(
        self, station: str, start: datetime | None = None, end: datetime | None = None
    ) -> list[Heard]:
        """A station's heards that start in [start, end), ordered by start."""
        ...

    def stations(self) -> list[tuple[str, datetime, datetime]]:
        """Every station in the journal with the start of its first and last heard."""
        ...

    def drop_heards(self, before: datetime) -> int:
        """Delete heards that start before `before`; returns how many."""
        ...

    # -- claims -------------------------------------------------------------------

    def claim(self, keys: Sequence[str], owner: str, lease_s: float, now: datetime) -> bool:
        """Take all of `keys` or none: each must be unknown, or open with its lease run out.

        An owner that holds a key already renews its lease. A completed key is never
        given again.
        """
        ...

    def complete(self, keys: Sequence[str], owner: str, now: datetime) -> bool:
        """Mark claims as done for good; False if one is no longer the owner's."""
        ...

    def release(self, keys: Sequence[str], owner: str) -> None:
        """Give claims that are not completed back, as if never taken."""
        ...

    def completed(self, keys: Sequence[str]) -> set[str]:
        """Which of `keys` are completed."""
        ...

    def drop_claims(self, completed_before: datetime) -> int:
        """Forget claims completed (or, if never completed, run out) before then."""
        ...


@runtime_checkable
class Migratable(Protocol):
    """What a store adds whose tables are made by `songid store migrate`, not on opening."""

    def migrate(self) -> list[str]:
        """Create what is missing, or bring it to this version; one sentence per step taken.

        Safe to repeat, and to run while others do: one migrates, the others wait. Data that
        is there is kept. StoreError if it is of a newer version than this.
        """
        ...


@runtime_checkable
class Sink(Protocol):
    """Where results are sent. An event may come twice; its `event_id` stays the same."""

    def send(self, event: Event) -> None:
        """Deliver one event; when it returns, the event is delivered. Raises if it is not."""
        ...

    def close(self) -> None:
        """Flush and release."""
        ...


@runtime_checkable
class ReportFormat(Protocol):
    """Renders a station's day, and the index of all days, as files."""

    def render(self, report: DailyReport) -> Iterable[RenderedFile]:
        """One station's day."""
        ...

    def render_index(self, index: ReportIndex) -> Iterable[RenderedFile]:
        """The page that links all days and stations; nothing where a format has none."""
        ...


@runtime_checkable
class Folder(Protocol):
    """A place for named files: reports, a stream's segments.

    Names are relative, with `/` between their parts; FolderError for one with an empty part
    or one that begins with `.`. Several threads may use a folder at once.
    """

    def write(self, name: str, content: bytes, media_type: str) -> str:
        """Write a file, whole or not at all, replacing it if it is there; its path or URI.

        FolderError if it cannot be written.
        """
        ...

    def read(self, name: str) -> bytes | None:
        """A file's content; None if it is not there."""
        ...

    def names(self, prefix: str = "", suffix: str = "") -> Iterator[str]:
        """The names that begin and end so, ascending; unfinished files are not among them."""
        ...

    def close(self) -> None:
        """Release what the folder holds."""
        ...


@runtime_checkable
class StampedFolder(Folder, Protocol):
    """What a folder adds where reading a file costs a request, but listing tells of changes."""

    def stamps(self, prefix: str = "", suffix: str = "") -> Iterator[tuple[str, str]]:
        """As `names`, each with a text that changes when the file does (an etag, say)."""
        ...
