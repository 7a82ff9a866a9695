"""The PostgreSQL store, `postgresql://user@host/database`, for Aurora and any PostgreSQL 14+.

Its tables are made by `songid store migrate`. An operation that finds no database, or
loses it, waits and is repeated, so that a pause or a failover only takes time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from songid.model import ComponentURL, Heard, Recording, VolumeRow
from songid_plugins.stores import (
    postgresql_grants,
    postgresql_journal,
    postgresql_recordings,
    postgresql_schema,
    postgresql_volumes,
)
from songid_plugins.stores.postgresql_connections import Database
from songid_plugins.stores.postgresql_credentials import Credentials, credentials_of
from songid_plugins.stores.postgresql_rows import from_sql, key_to_sql, to_sql
from songid_plugins.stores.postgresql_transactions import Connection
from songid_plugins.stores.postgresql_urls import address_of


def open_store(url: ComponentURL) -> PostgresqlStore:
    """Open the store the URL names; it connects when it is first asked for something.

    PluginError if the URL is wrong. What cannot be reached in time, or has no tables of
    this version, is a StoreError of the operation.
    """
    return PostgresqlStore(credentials_of(address_of(url)))


class PostgresqlStore:
    """A `songid.interfaces.Store` and `Migratable`; safe from many threads and processes."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._database = Database(
            credentials,
            lambda connection: postgresql_schema.check(connection, credentials.address),
        )

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    def migrate(self) -> list[str]:
        """Create the schema and its tables, or bring them to this version.

        The roles that the URL names as `grant` are then let use them.
        """
        address = self._credentials.address

        def work(connection: Connection) -> list[str]:
            steps = postgresql_schema.migrate(connection, address)
            return steps + postgresql_grants.grant(connection, address)

        database = Database(self._credentials, lambda connection: None)
        try:
            return database.writing(work)
        finally:
            database.close()

    # -- small facts --------------------------------------------------------------

    def get_meta(self, key: str) -> str | None:
        """A small text remembered under `key`."""
        return self._database.reading(lambda connection: _meta(connection, key))

    def put_meta(self, key: str, value: str) -> None:
        """Remember `value` under `key`."""
        self._database.writing(
            lambda connection: connection.execute(
                "INSERT INTO meta VALUES (%s, %s) "
                "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                [key_to_sql(key), to_sql(value)],
            )
        )

    def put_meta_once(self, key: str, value: str) -> str:
        """Remember `value` if `key` has none yet; return what is remembered then."""

        def work(connection: Connection) -> str:
            # An update that changes nothing, so that a value of another is waited for and
            # seen, and stays until this transaction ends.
            ((kept,),) = connection.execute(
                "INSERT INTO meta VALUES (%s, %s) "
                "ON CONFLICT (key) DO UPDATE SET value = meta.value RETURNING value",
                [key_to_sql(key), to_sql(value)],
            ).fetchall()
            return from_sql(kept)

        return self._database.writing(work)

    def delete_meta(self, keys: Sequence[str]) -> None:
        """Forget `keys`; those that are not there are no error."""
        self._database.writing(
            lambda connection: connection.execute(
                "DELETE FROM meta WHERE key = ANY(%s::text[])", [[key_to_sql(k) for k in keys]]
            )
        )

    # -- volumes and pages --------------------------------------------------------

    def put_pages(self, volume_id: str, pages: Sequence[tuple[int, bytes]]) -> None:
        """Write pages of a volume that is not committed yet (and so not visible)."""
        self._database.writing(
            lambda connection: postgresql_volumes.put_pages(connection, volume_id, pages)
        )

    def get_pages(self, keys: Sequence[tuple[str, int]]) -> list[bytes]:
        """The pages (volume_id, number) in the order asked; PageGoneError if one is gone."""
        return self._database.reading(
            lambda connection: postgresql_volumes.get_pages(connection, keys)
        )

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

        def work(connection: Connection) -> list[Recording]:
            postgresql_volumes.grow_version(connection)
            postgresql_volumes.retire(connection, replaces, now)
            if volume is not None:
                postgresql_volumes.commit(connection, volume)
            postgresql_recordings.mark_removed(connection, removes, now)
            return postgresql_recordings.add(connection, recordings, now)

        return self._database.writing(work)

    def volumes(self) -> list[VolumeRow]:
        """The live volumes, oldest first."""
        return self._database.reading(postgresql_volumes.live)

    def catalogue_version(self) -> int:
        """A number that grows whenever volumes or recordings change."""

        def work(connection: Connection) -> int:
            ((version,),) = connection.execute("SELECT version FROM catalogue").fetchall()
            return int(version)

        return self._database.reading(work)

    def drop_retired(self, *, retired_before: datetime, orphans_before: datetime) -> int:
        """Delete pages of volumes retired, and of never committed ones begun, before then.

        Autovacuum then makes their space free for others.
        """
        return self._database.writing(
            lambda connection: postgresql_volumes.drop(connection, retired_before, orphans_before)
        )

    # -- recordings ---------------------------------------------------------------

    def recordings(
        self, ids: Sequence[str] | None = None, *, removed: bool = False
    ) -> list[Recording]:
        """Recordings by id (removed ones included), or all live (`removed`: all removed)."""
        if ids is None:
            return self._database.reading(
                lambda connection: postgresql_recordings.everything(connection, removed=removed)
            )
        return self._database.reading(
            lambda connection: postgresql_recordings.by_ids(connection, ids)
        )

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
        return self._database.reading(
            lambda connection: postgresql_recordings.having(connection, *asked[0])
        )

    def update_recordings(self, recordings: Sequence[Recording]) -> None:
        """Replace the metadata of recordings that are there, by id; others are ignored."""

        def work(connection: Connection) -> None:
            postgresql_volumes.lock(connection)
            if postgresql_recordings.update(connection, recordings):
                postgresql_volumes.grow_version(connection)

        self._database.writing(work)

    def removed_ids(self) -> set[str]:
        """The ids of all recordings that are marked removed."""
        return self._database.reading(postgresql_recordings.removed_ids)

    # -- the journal --------------------------------------------------------------

    def put_heards(self, heards: Sequence[Heard]) -> None:
        """Add heards; one with the same (station, start) is replaced."""
        self._database.writing(lambda connection: postgresql_journal.put_heards(connection, heards))

    def heards(
        self, station: str, start: datetime | None = None, end: datetime | None = None
    ) -> list[Heard]:
        """A station's heards that start in [start, end), ordered by start."""
        return self._database.reading(
            lambda connection: postgresql_journal.heards(connection, station, start, end)
        )

    def stations(self) -> list[tuple[str, datetime, datetime]]:
        """Every station in the journal with the start of its first and last heard."""
        return self._database.reading(postgresql_journal.stations)

    def drop_heards(self, before: datetime) -> int:
        """Delete heards that start before `before`; returns how many."""
        return self._database.writing(
            lambda connection: postgresql_journal.drop_heards(connection, before)
        )

    # -- claims -------------------------------------------------------------------

    def claim(self, keys: Sequence[str], owner: str, lease_s: float, now: datetime) -> bool:
        """Take all of `keys` or none; see `songid.interfaces.Store.claim`."""
        return self._all_or_none(
            lambda connection: postgresql_journal.claim(connection, keys, owner, lease_s, now)
        )

    def complete(self, keys: Sequence[str], owner: str, now: datetime) -> bool:
        """Mark claims as done for good; False if one is no longer the owner's."""
        return self._all_or_none(
            lambda connection: postgresql_journal.complete(connection, keys, owner, now)
        )

    def release(self, keys: Sequence[str], owner: str) -> None:
        """Give claims that are not completed back, as if never taken."""
        self._database.writing(
            lambda connection: postgresql_journal.release(connection, keys, owner)
        )

    def completed(self, keys: Sequence[str]) -> set[str]:
        """Which of `keys` are completed."""
        return self._database.reading(
            lambda connection: postgresql_journal.completed(connection, keys)
        )

    def drop_claims(self, completed_before: datetime) -> int:
        """Forget claims completed (or, if never completed, run out) before then."""
        return self._database.writing(
            lambda connection: postgresql_journal.drop_claims(connection, completed_before)
        )

    def _all_or_none(self, work: Callable[[Connection], None]) -> bool:
        try:
            self._database.writing(work)
        except postgresql_journal.NotAllError:
            return False
        return True


def _meta(connection: Connection, key: str) -> str | None:
    row = connection.execute("SELECT value FROM meta WHERE key = %s", [key_to_sql(key)]).fetchone()
    return None if row is None else from_sql(row[0])
