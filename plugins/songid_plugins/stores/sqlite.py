"""The embedded store, `sqlite:FOLDER`: everything in one file that many processes share.

The file is `songid.sqlite3` in the folder, which is created. It must lie on a local disk:
the write-ahead log that lets readers go on beside a writer needs shared memory.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from songid.errors import PluginError, StoreError
from songid.model import ComponentURL, Heard, Recording, VolumeRow
from songid_plugins.stores import (
    sqlite_journal,
    sqlite_recordings,
    sqlite_schema,
    sqlite_volumes,
)
from songid_plugins.stores.sqlite_connections import Database
from songid_plugins.stores.sqlite_rows import from_sql, to_sql

FILE_NAME = "songid.sqlite3"
_VACUUM_STEP_PAGES = 2000  # about 8 MB moved at a time, so that writers get their turn


def open_store(url: ComponentURL) -> SqliteStore:
    """Open the store in the folder that the URL names, creating it where there is none."""
    if url.options:
        raise PluginError(f"{url}: the sqlite store has no options ({', '.join(url.options)})")
    if not url.path or (url.rest.startswith("//") and not url.rest.startswith("///")):
        raise PluginError(f"{url}: name a folder, as in sqlite:songs or sqlite:///var/lib/songid")
    folder = Path(url.path).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"{folder}: the folder cannot be made ({error.strerror}); check its parent's "
            "permissions or name another"
        ) from error
    path = folder / FILE_NAME
    sqlite_schema.prepare(path)
    return SqliteStore(path)


class SqliteStore:
    """A `songid.interfaces.Store` in one SQLite file; safe from many threads and processes."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path)

    def close(self) -> None:
        """Close all connections; the last process to do so folds the log into the file."""
        self._database.close()

    # -- small facts --------------------------------------------------------------

    def get_meta(self, key: str) -> str | None:
        """A small text remembered under `key`."""
        with self._database.reading() as connection:
            return _meta(connection, key)

    def put_meta(self, key: str, value: str) -> None:
        """Remember `value` under `key`."""
        with self._database.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)", (to_sql(key), to_sql(value))
            )

    def put_meta_once(self, key: str, value: str) -> str:
        """Remember `value` if `key` has none yet; return what is remembered then."""
        with self._database.writing() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO meta VALUES (?, ?)", (to_sql(key), to_sql(value))
            )
            return _meta(connection, key) or ""

    def delete_meta(self, keys: Sequence[str]) -> None:
        """Forget `keys`; those that are not there are no error."""
        with self._database.writing() as connection:
            connection.executemany("DELETE FROM meta WHERE key = ?", [(to_sql(k),) for k in keys])

    # -- volumes and pages --------------------------------------------------------

    def put_pages(self, volume_id: str, pages: Sequence[tuple[int, bytes]]) -> None:
        """Write pages of a volume that is not committed yet (and so not visible)."""
        with self._database.writing() as connection:
            sqlite_volumes.put_pages(connection, volume_id, pages, datetime.now(UTC))

    def get_pages(self, keys: Sequence[tuple[str, int]]) -> list[bytes]:
        """The pages (volume_id, number) in the order asked; PageGoneError if one is gone."""
        with self._database.reading() as connection:
            return sqlite_volumes.get_pages(connection, keys)

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
        Raises StoreError, and changes nothing, where a volume of `replaces` is not live
        or the new one is committed already or has lost pages.
        """
        with self._database.writing() as connection:
            sqlite_volumes.retire(connection, replaces, now)
            if volume is not None:
                sqlite_volumes.commit(connection, volume, now)
            sqlite_recordings.mark_removed(connection, removes, now)
            doubles = sqlite_recordings.add(connection, recordings, now)
            sqlite_volumes.grow_version(connection)
            return doubles

    def volumes(self) -> list[VolumeRow]:
        """The live volumes, oldest first."""
        with self._database.reading() as connection:
            return sqlite_volumes.live(connection)

    def catalogue_version(self) -> int:
        """A number that grows whenever volumes or recordings change."""
        with self._database.reading() as connection:
            version: int = connection.execute("SELECT catalogue_version FROM state").fetchone()[0]
            return version

    def drop_retired(self, *, retired_before: datetime, orphans_before: datetime) -> int:
        """Delete pages of volumes retired, and of never committed ones begun, before then.

        The space is given back to the file system.
        """
        with self._database.writing() as connection:
            dropped = sqlite_volumes.drop(connection, retired_before, orphans_before)
        if dropped:
            self._give_space_back()
        return dropped

    # -- recordings ---------------------------------------------------------------

    def recordings(
        self, ids: Sequence[str] | None = None, *, removed: bool = False
    ) -> list[Recording]:
        """Recordings by id (removed ones included), or all live (`removed`: all removed)."""
        with self._database.reading() as connection:
            if ids is None:
                return sqlite_recordings.everything(connection, removed=removed)
            return sqlite_recordings.by_ids(connection, ids)

    def find_recordings(
        self, *, content_sha256: str = "", audio_sha256: str = "", source: str = ""
    ) -> list[Recording]:
        """Live recordings that have the one value given."""
        given = {
            "content_sha256": content_sha256,
            "audio_sha256": audio_sha256,
            "source": source,
        }
        asked = [(column, value) for column, value in given.items() if value]
        if len(asked) != 1:
            raise ValueError("find_recordings takes exactly one value that is not empty")
        with self._database.reading() as connection:
            return sqlite_recordings.having(connection, *asked[0])

    def update_recordings(self, recordings: Sequence[Recording]) -> None:
        """Replace the metadata of recordings that are there, by id; others are ignored."""
        with self._database.writing() as connection:
            if sqlite_recordings.update(connection, recordings):
                sqlite_volumes.grow_version(connection)

    def removed_ids(self) -> set[str]:
        """The ids of all recordings that are marked removed."""
        with self._database.reading() as connection:
            return sqlite_recordings.removed_ids(connection)

    # -- the journal --------------------------------------------------------------

    def put_heards(self, heards: Sequence[Heard]) -> None:
        """Add heards; one with the same (station, start) is replaced."""
        with self._database.writing() as connection:
            sqlite_journal.put_heards(connection, heards)

    def heards(
        self, station: str, start: datetime | None = None, end: datetime | None = None
    ) -> list[Heard]:
        """A station's heards that start in [start, end), ordered by start."""
        with self._database.reading() as connection:
            return sqlite_journal.heards(connection, station, start, end)

    def stations(self) -> list[tuple[str, datetime, datetime]]:
        """Every station in the journal with the start of its first and last heard."""
        with self._database.reading() as connection:
            return sqlite_journal.stations(connection)

    def drop_heards(self, before: datetime) -> int:
        """Delete heards that start before `before`; returns how many."""
        with self._database.writing() as connection:
            dropped = sqlite_journal.drop_heards(connection, before)
        if dropped:
            self._give_space_back()
        return dropped

    # -- claims -------------------------------------------------------------------

    def claim(self, keys: Sequence[str], owner: str, lease_s: float, now: datetime) -> bool:
        """Take all of `keys` or none; see `songid.interfaces.Store.claim`."""
        with self._database.writing() as connection:
            return sqlite_journal.claim(connection, keys, owner, lease_s, now)

    def complete(self, keys: Sequence[str], owner: str, now: datetime) -> bool:
        """Mark claims as done for good; False if one is no longer the owner's."""
        with self._database.writing() as connection:
            return sqlite_journal.complete(connection, keys, owner, now)

    def release(self, keys: Sequence[str], owner: str) -> None:
        """Give claims that are not completed back, as if never taken."""
        with self._database.writing() as connection:
            sqlite_journal.release(connection, keys, owner)

    def completed(self, keys: Sequence[str]) -> set[str]:
        """Which of `keys` are completed."""
        with self._database.reading() as connection:
            return sqlite_journal.completed(connection, keys)

    def drop_claims(self, completed_before: datetime) -> int:
        """Forget claims completed (or, if never completed, run out) before then."""
        with self._database.writing() as connection:
            return sqlite_journal.drop_claims(connection, completed_before)

    def _give_space_back(self) -> None:
        with self._database.plain() as connection:
            (free,) = connection.execute("PRAGMA freelist_count").fetchone()
            for _ in range(0, free, _VACUUM_STEP_PAGES):
                # As a script: `execute` would stop after the first page moved.
                connection.executescript(f"PRAGMA incremental_vacuum({_VACUUM_STEP_PAGES})")
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")


def _meta(connection: sqlite3.Connection, key: str) -> str | None:
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (to_sql(key),)).fetchone()
    return None if row is None else from_sql(row[0])
