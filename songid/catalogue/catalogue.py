"""The catalogue over a store: add, search, remove and merge.

Readers take a snapshot and keep to it; a page that was merged away meanwhile makes them
take a new one. Writers add volumes, which are merged by size tiers under a claim.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

from songid.catalogue.finding import find, glimpse
from songid.catalogue.lookup import Hits, look_up
from songid.catalogue.merging import Merger
from songid.catalogue.page_cache import PageCache
from songid.catalogue.pages import HEADER_PAGE, VolumeHeader, unpack_header
from songid.catalogue.sampling import rarest
from songid.catalogue.search import EXAMINED, MOST_PER_HASH, Alignment
from songid.catalogue.snapshot import Snapshot, take_snapshot
from songid.catalogue.volumes import new_volume_id, write_volume
from songid.errors import FingerprinterMismatchError, PageGoneError, StoreError
from songid.interfaces import Fingerprinter, Store
from songid.model import Fingerprint, Recording

_T = TypeVar("_T")

DEFAULT_CACHE_BYTES = 192 * 1024 * 1024
_META_FINGERPRINTER = "fingerprinter"
_TRIES = 8
_NEVER = float("-inf")
_TOO_FAST = "the catalogue changes faster than it can be read; try again"
_CROWDED = 40
_CROWDED_FOR_S = 60.0


@dataclass(frozen=True, slots=True)
class Addition:
    """A recording with its fingerprint, to be added; `recording_id` is given on adding."""

    recording: Recording
    fingerprint: Fingerprint


@dataclass(frozen=True, slots=True)
class Added:
    """What became of an addition.

    `already_there`: a live recording, the one given here, has the same content. `replaced`
    are the recordings that the same source gave before.
    """

    recording: Recording
    already_there: bool = False
    replaced: tuple[str, ...] = ()


class Catalogue:
    """All recordings and their postings, as one fingerprinter wrote them into one store."""

    def __init__(
        self,
        store: Store,
        fingerprinter: Fingerprinter,
        *,
        cache_bytes: int = DEFAULT_CACHE_BYTES,
        refresh_s: float = 0.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.store = store
        self.fingerprinter = fingerprinter
        self.cache = PageCache(cache_bytes)
        self._headers: dict[str, VolumeHeader] = {}
        self._snapshot: Snapshot | None = None
        self._refresh_s = refresh_s
        self._looked_at = _NEVER
        self._clock = clock
        self._owner = secrets.token_hex(8)
        remembered = store.get_meta(_META_FINGERPRINTER)
        if remembered is not None and remembered != fingerprinter.identity:
            raise _mismatch(remembered, fingerprinter.identity)

    # -- reading ----------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """The live volumes; asks the store at most every `refresh_s` seconds.

        What was changed through this very object is seen at once.
        """
        now = time.monotonic()
        if self._snapshot is not None and now - self._looked_at < self._refresh_s:
            return self._snapshot
        version = self.store.catalogue_version()
        self._looked_at = now
        if self._snapshot is None or self._snapshot.version != version:
            self._snapshot = self._read(version)
        return self._snapshot

    def search(
        self,
        fingerprint: Fingerprint,
        *,
        least_score: float,
        most_per_hash: int = MOST_PER_HASH,
        examined: int = EXAMINED,
    ) -> list[Alignment]:
        """Alignments of a query of at least `least_score`, strongest first; see `find`."""
        return self._reading(
            lambda snapshot: find(
                snapshot,
                self.cache,
                self.store.get_pages,
                fingerprint,
                frame_s=self.fingerprinter.frame_s,
                least_score=least_score,
                most_per_hash=most_per_hash,
                examined=examined,
            )
        )

    def glimpse(
        self, fingerprints: Sequence[Fingerprint], *, per_second: int, least_score: float
    ) -> list[float]:
        """The best score of each of many queries, by the rarest of its landmarks; 0 for none.

        So one piece of audio is tried under many warps; see `glimpse`.
        """
        return self._reading(
            lambda snapshot: glimpse(
                snapshot,
                self.cache,
                self.store.get_pages,
                fingerprints,
                frame_s=self.fingerprinter.frame_s,
                per_second=per_second,
                least_score=least_score,
            )
        )

    def look_up(self, fingerprint: Fingerprint) -> tuple[Snapshot, Hits]:
        """All postings that bear a query's hashes, and the snapshot they were read from."""

        def read(snapshot: Snapshot) -> tuple[Snapshot, Hits]:
            pages, hashes = self.store.get_pages, fingerprint.hashes
            return snapshot, look_up(
                snapshot, self.cache, pages, hashes, most_per_hash=MOST_PER_HASH
            )

        return self._reading(read)

    def sample(self, fingerprint: Fingerprint, per_second: int) -> Fingerprint:
        """The rarest landmarks of each second of a query; see `rarest`."""
        return rarest(self.snapshot(), fingerprint, per_second, self.fingerprinter.frame_s)

    def _reading(self, ask: Callable[[Snapshot], _T]) -> _T:
        """What is asked of a snapshot, and asked of a newer one if its pages are gone."""
        for _ in range(_TRIES):
            snapshot = self.snapshot()
            try:
                return ask(snapshot)
            except PageGoneError:
                self._snapshot = None  # merged away since the snapshot was taken
        raise StoreError(_TOO_FAST)

    def _read(self, version: int) -> Snapshot:
        for _ in range(_TRIES):
            volumes = self.store.volumes()
            gone = self._headers.keys() - {volume.volume_id for volume in volumes}
            self.cache.forget(set(gone))
            for volume_id in gone:
                del self._headers[volume_id]
            try:
                for volume in volumes:
                    self.header(volume.volume_id)
            except PageGoneError:
                continue
            ids = [volume.volume_id for volume in volumes]
            return take_snapshot(
                version, ids, [self._headers[i] for i in ids], self.store.removed_ids()
            )
        raise StoreError(_TOO_FAST)

    def header(self, volume_id: str) -> VolumeHeader:
        """A volume's header; headers never change and are kept."""
        if volume_id not in self._headers:
            (data,) = self.store.get_pages([(volume_id, HEADER_PAGE)])
            self._headers[volume_id] = unpack_header(data)
        return self._headers[volume_id]

    # -- writing ----------------------------------------------------------------------

    def add(self, additions: Sequence[Addition]) -> list[Added]:
        """Add recordings as one volume; when this returns they are kept and searchable.

        A recording whose file content is there already is left out, one from a source
        that had other content replaces it, one with the same sound as another is added and
        names it in `same_audio_as`.
        """
        identity = self.fingerprinter.identity
        remembered = self.store.put_meta_once(_META_FINGERPRINTER, identity)
        if remembered != identity:
            raise _mismatch(remembered, identity)
        now = self._clock()
        volume_id = new_volume_id()
        results: list[Added] = []
        fingerprints: list[tuple[str, Fingerprint]] = []
        contents: dict[str, Recording] = {}
        for addition in additions:
            wanted = addition.recording
            there = self.store.find_recordings(content_sha256=wanted.content_sha256)
            if there or wanted.content_sha256 in contents:
                same_content = there[0] if there else contents[wanted.content_sha256]
                results.append(Added(same_content, already_there=True))
                continue
            sound = audio_sha256(addition.fingerprint)
            replaced = tuple(
                old.recording_id for old in self.store.find_recordings(source=wanted.source)
            )
            twins = [result.recording for result in results if not result.already_there]
            twins = [other for other in twins if other.audio_sha256 == sound]
            twins += self.store.find_recordings(audio_sha256=sound)
            same = [other.recording_id for other in twins if other.recording_id not in replaced]
            recording = replace(
                wanted,
                recording_id=secrets.token_hex(8),
                audio_sha256=sound,
                landmarks=len(addition.fingerprint),
                indexed_at=now,
                same_audio_as=same[0] if same else "",
            )
            contents[recording.content_sha256] = recording
            fingerprints.append((recording.recording_id, addition.fingerprint))
            results.append(Added(recording, replaced=replaced))
        return self._commit(volume_id, fingerprints, results, now)

    def _commit(
        self,
        volume_id: str,
        fingerprints: list[tuple[str, Fingerprint]],
        results: list[Added],
        now: datetime,
    ) -> list[Added]:
        new = [result for result in results if not result.already_there]
        if not new:
            return results
        volume = write_volume(self.store, volume_id, fingerprints, now)
        refused = self.store.commit_volume(
            volume,
            [result.recording for result in new],
            removes=[old for result in new for old in result.replaced],
            now=now,
        )
        self._changed()
        # Somebody else added the same content at the same moment: theirs counts.
        theirs = {
            recording.recording_id: self.store.find_recordings(
                content_sha256=recording.content_sha256
            )
            for recording in refused
        }
        return [
            replace(result, recording=theirs[name][0], already_there=True)
            if theirs.get(name := result.recording.recording_id)
            else result
            for result in results
        ]

    def remove(self, recording_ids: Sequence[str]) -> None:
        """Mark recordings removed: no longer matched, still able to name old plays."""
        self.store.commit_volume(None, removes=recording_ids, now=self._clock())
        self._changed()

    def merge(self) -> int:
        """Merge until every tier holds fewer than FANOUT volumes; returns merges made.

        Only one merges at a time; who finds another at work leaves it to them. Old
        pages are dropped once no reader can want them.
        """
        return self._merger().merge() or 0

    def make_room(self) -> None:
        """Where many write at once, faster than volumes are merged, wait until few are left.

        Else they would pile up, and every look-up has to ask them all. Whoever waits merges
        if nobody does; after a while it is given up, for a volume too many is no harm.
        """
        until, pause_s = time.monotonic() + _CROWDED_FOR_S, 0.05
        while len(self.store.volumes()) >= _CROWDED and time.monotonic() < until:
            merged = self._merger().merge()
            if merged == 0:  # there is nothing that waiting could make fewer
                return
            if merged is None:
                time.sleep(pause_s)
                pause_s = min(2.0, 1.5 * pause_s)

    def _merger(self) -> Merger:
        return Merger(self.store, self._owner, self._clock, self.header, self._changed)

    def _changed(self) -> None:
        """Have the next snapshot ask the store, however recently it was asked."""
        self._looked_at = _NEVER


def audio_sha256(fingerprint: Fingerprint) -> str:
    """The hash of a fingerprint: equal for files of the very same sound."""
    digest = hashlib.sha256(fingerprint.hashes.astype("<u4").tobytes())
    digest.update(fingerprint.offsets_frames.astype("<u4").tobytes())
    return digest.hexdigest()


def _mismatch(remembered: str, asked: str) -> FingerprinterMismatchError:
    return FingerprinterMismatchError(
        f"this store was written by the fingerprinter {remembered!r}, and {asked!r} cannot read "
        "its postings. Set `fingerprinter` back, or name another store and index again."
    )
