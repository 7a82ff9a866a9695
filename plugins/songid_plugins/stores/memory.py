"""The store in the process's own memory, `memory` or `memory:NAME`, for trials and tests.

All that are opened under one name in one process are the same store, which lives as long
as the process; a bare `memory` is a new one each time and shared with nobody.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from songid.errors import PageGoneError, PluginError, StoreError
from songid.model import ComponentURL, Heard, Recording, VolumeRow


def open_store(url: ComponentURL) -> MemoryStore:
    """Open the store of the URL's name; without a name a new one."""
    if url.options:
        raise PluginError(f"{url}: the memory store has no options ({', '.join(url.options)})")
    if not url.rest:
        return MemoryStore(_Data())
    with _NAMED_LOCK:
        return MemoryStore(_NAMED.setdefault(url.rest, _Data()))


@dataclass
class _Volume:
    pages: dict[int, bytes]
    begun_at: datetime
    row: VolumeRow | None = None
    retired_at: datetime | None = None


@dataclass
class _Claim:
    owner: str
    lease_until: datetime
    completed_at: datetime | None = None


@dataclass
class _Data:
    """What one store holds; `lock` makes each method one step."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    meta: dict[str, str] = field(default_factory=dict)
    volumes: dict[str, _Volume] = field(default_factory=dict)
    recordings: dict[str, Recording] = field(default_factory=dict)
    heards: dict[str, dict[datetime, Heard]] = field(default_factory=dict)
    claims: dict[str, _Claim] = field(default_factory=dict)
    version: int = 0


_NAMED: dict[str, _Data] = {}
_NAMED_LOCK = threading.Lock()


class MemoryStore:
    """A `songid.interfaces.Store` in dictionaries; safe from many threads."""

    def __init__(self, data: _Data) -> None:
        self._data = data

    def close(self) -> None:
        """Nothing to release."""

    # -- small facts --------------------------------------------------------------

    def get_meta(self, key: str) -> str | None:
        """A small text remembered under `key`."""
        return self._data.meta.get(key)

    def put_meta(self, key: str, value: str) -> None:
        """Remember `value` under `key`."""
        with self._data.lock:
            self._data.meta[key] = value

    def put_meta_once(self, key: str, value: str) -> str:
        """Remember `value` if `key` has none yet; return what is remembered then."""
        with self._data.lock:
            return self._data.meta.setdefault(key, value)

    def delete_meta(self, keys: Sequence[str]) -> None:
        """Forget `keys`; those that are not there are no error."""
        with self._data.lock:
            for key in keys:
                self._data.meta.pop(key, None)

    # -- volumes and pages --------------------------------------------------------

    def put_pages(self, volume_id: str, pages: Sequence[tuple[int, bytes]]) -> None:
        """Write pages of a volume that is not committed yet (and so not visible)."""
        with self._data.lock:
            volume = self._begin(volume_id)
            volume.pages.update((number, bytes(content)) for number, content in pages)

    def get_pages(self, keys: Sequence[tuple[str, int]]) -> list[bytes]:
        """The pages (volume_id, number) in the order asked; PageGoneError if one is gone."""
        with self._data.lock:
            try:
                return [self._data.volumes[volume_id].pages[number] for volume_id, number in keys]
            except KeyError as error:
                raise PageGoneError(
                    f"{error.args[0]}: merged away meanwhile; read the list of volumes again"
                ) from None

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

        Removals come first, so that a recording may replace one of the same content.
        """
        with self._data.lock:
            self._check_commit(volume, replaces)
            for volume_id in replaces:
                self._data.volumes[volume_id].retired_at = now
            if volume is not None:
                self._begin(volume.volume_id).row = volume
            for recording_id in removes:
                known = self._data.recordings.get(recording_id)
                if known is not None and known.removed_at is None:
                    self._data.recordings[recording_id] = replace(known, removed_at=now)
            doubles = [self._add(recording, now) for recording in recordings]
            self._data.version += 1
            return [double for double in doubles if double is not None]

    def volumes(self) -> list[VolumeRow]:
        """The live volumes, oldest first."""
        with self._data.lock:
            rows = [each.row for each in self._data.volumes.values() if _is_live(each)]
        return sorted((row for row in rows if row is not None), key=lambda row: row.created_at)

    def catalogue_version(self) -> int:
        """A number that grows whenever volumes or recordings change."""
        return self._data.version

    def drop_retired(self, *, retired_before: datetime, orphans_before: datetime) -> int:
        """Delete pages of volumes retired, and of never committed ones begun, before then."""
        with self._data.lock:
            gone = [
                volume_id
                for volume_id, each in self._data.volumes.items()
                if (each.row is None and each.begun_at < orphans_before)
                or (each.retired_at is not None and each.retired_at < retired_before)
            ]
            for volume_id in gone:
                del self._data.volumes[volume_id]
            return len(gone)

    # -- recordings ---------------------------------------------------------------

    def recordings(
        self, ids: Sequence[str] | None = None, *, removed: bool = False
    ) -> list[Recording]:
        """Recordings by id (removed ones included), or all live (`removed`: all removed)."""
        known = self._data.recordings
        with self._data.lock:
            if ids is None:
                return [each for each in known.values() if (each.removed_at is not None) == removed]
            return [known[each] for each in dict.fromkeys(ids) if each in known]

    def find_recordings(
        self, *, content_sha256: str = "", audio_sha256: str = "", source: str = ""
    ) -> list[Recording]:
        """Live recordings that have the one value given."""
        given = {
            "content_sha256": content_sha256,
            "audio_sha256": audio_sha256,
            "source": source,
        }
        asked = [(name, value) for name, value in given.items() if value]
        if len(asked) != 1:
            raise ValueError("find_recordings takes exactly one value that is not empty")
        ((name, value),) = asked
        return [each for each in self.recordings() if getattr(each, name) == value]

    def update_recordings(self, recordings: Sequence[Recording]) -> None:
        """Replace the metadata of recordings that are there, by id; others are ignored."""
        with self._data.lock:
            known = {
                each.recording_id: each
                for each in recordings
                if each.recording_id in self._data.recordings
            }
            self._data.recordings.update(known)
            self._data.version += bool(known)

    def removed_ids(self) -> set[str]:
        """The ids of all recordings that are marked removed."""
        return {each.recording_id for each in self.recordings(removed=True)}

    # -- the journal --------------------------------------------------------------

    def put_heards(self, heards: Sequence[Heard]) -> None:
        """Add heards; one with the same (station, start) is replaced."""
        if any(heard.start.utcoffset() is None for heard in heards):
            raise ValueError("a heard's start has no time zone; all times of songid have one")
        with self._data.lock:
            for heard in heards:
                # In UTC, since times in an hour that a clock shows twice never compare equal.
                start = heard.start.astimezone(UTC)
                kept = replace(heard, start=start)
                self._data.heards.setdefault(heard.station, {})[start] = kept

    def heards(
        self, station: str, start: datetime | None = None, end: datetime | None = None
    ) -> list[Heard]:
        """A station's heards that start in [start, end), ordered by start."""
        with self._data.lock:
            found = [
                heard
                for moment, heard in self._data.heards.get(station, {}).items()
                if (start is None or moment >= start) and (end is None or moment < end)
            ]
        return sorted(found, key=lambda heard: heard.start)

    def stations(self) -> list[tuple[str, datetime, datetime]]:
        """Every station in the journal with the start of its first and last heard, by name."""
        with self._data.lock:
            return [
                (station, min(by_start), max(by_start))
                for station, by_start in sorted(self._data.heards.items())
                if by_start
            ]

    def drop_heards(self, before: datetime) -> int:
        """Delete heards that start before `before`; returns how many."""
        with self._data.lock:
            dropped = 0
            for by_start in self._data.heards.values():
                old = [moment for moment in by_start if moment < before]
                dropped += len(old)
                for moment in old:
                    del by_start[moment]
            return dropped

    # -- claims -------------------------------------------------------------------

    def claim(self, keys: Sequence[str], owner: str, lease_s: float, now: datetime) -> bool:
        """Take all of `keys` or none; see `songid.interfaces.Store.claim`."""
        with self._data.lock:
            for key in keys:
                held = self._data.claims.get(key)
                if held is not None and (
                    held.completed_at is not None
                    or (held.owner != owner and held.lease_until > now)
                ):
                    return False
            until = now + timedelta(seconds=lease_s)
            self._data.claims.update((key, _Claim(owner, until)) for key in keys)
            return True

    def complete(self, keys: Sequence[str], owner: str, now: datetime) -> bool:
        """Mark claims as done for good; False if one is no longer the owner's."""
        with self._data.lock:
            held = [self._data.claims.get(key) for key in keys]
            if any(each is None or each.owner != owner for each in held):
                return False
            for each in held:
                if each is not None and each.completed_at is None:
                    each.completed_at = now
            return True

    def release(self, keys: Sequence[str], owner: str) -> None:
        """Give claims that are not completed back, as if never taken."""
        with self._data.lock:
            for key in keys:
                held = self._data.claims.get(key)
                if held is not None and held.owner == owner and held.completed_at is None:
                    del self._data.claims[key]

    def completed(self, keys: Sequence[str]) -> set[str]:
        """Which of `keys` are completed."""
        with self._data.lock:
            held = {key: self._data.claims.get(key) for key in keys}
        return {key for key, each in held.items() if each and each.completed_at is not None}

    def drop_claims(self, completed_before: datetime) -> int:
        """Forget claims completed (or, if never completed, run out) before then."""
        with self._data.lock:
            old = [
                key
                for key, each in self._data.claims.items()
                if (each.completed_at or each.lease_until) < completed_before
            ]
            for key in old:
                del self._data.claims[key]
            return len(old)

    # -- steps of a commit --------------------------------------------------------

    def _begin(self, volume_id: str) -> _Volume:
        now = datetime.now(UTC)
        volume = self._data.volumes.setdefault(volume_id, _Volume({}, now))
        if volume.row is not None:
            raise StoreError(f"volume {volume_id} is committed and cannot be written again")
        volume.begun_at = now
        return volume

    def _check_commit(self, volume: VolumeRow | None, replaces: Sequence[str]) -> None:
        for volume_id in replaces:
            if not _is_live(self._data.volumes.get(volume_id)):
                raise StoreError(
                    f"volume {volume_id} is not live any more: it was merged; "
                    "read the list of volumes again"
                )
        if volume is None:
            return
        held = self._data.volumes.get(volume.volume_id)
        if held is not None and held.row is not None:
            raise StoreError(f"volume {volume.volume_id} is committed and cannot be written again")
        pages = len(held.pages) if held is not None else 0
        if pages < volume.pages:
            raise StoreError(
                f"volume {volume.volume_id} has {pages} of its {volume.pages} pages: the rest "
                "was cleared away; write it again"
            )

    def _add(self, recording: Recording, now: datetime) -> Recording | None:
        """Add a recording; returned if its content was live already."""
        is_double = recording.removed_at is None and any(
            each.content_sha256 == recording.content_sha256
            and each.removed_at is None
            and each.recording_id != recording.recording_id
            for each in self._data.recordings.values()
            if recording.content_sha256
        )
        added = replace(recording, removed_at=now) if is_double else recording
        self._data.recordings[recording.recording_id] = added
        return added if is_double else None


def _is_live(volume: _Volume | None) -> bool:
    return volume is not None and volume.row is not None and volume.retired_at is None
