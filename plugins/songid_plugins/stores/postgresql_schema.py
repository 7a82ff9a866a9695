"""The tables of the PostgreSQL store, and the steps from any older version to this one.

What the columns mean:

- `schema_version`: one row, the number of the last step taken.
- `meta`: small texts by key. `catalogue`: one row, whose `version` grows with each change;
  whoever changes the catalogue holds its lock, so changes come one after the other.
- `volumes.state`: 0 begun (invisible), 1 live, 2 retired. `begun_at` is the last time pages
  were put. `number` stands for the text `volume_id` in `pages`.
- `recordings`: the fields of `songid.model.Recording`.
- `heards.document`: `songid.documents.heard_document` without station and start, as JSON.
- `claims`: `completed_at` is null while the claim is open. A long key is cut (see
  `postgresql_rows.key_to_sql`).

Text that PostgreSQL cannot hold is escaped (see `postgresql_rows.to_sql`). Text columns
compare by code points (COLLATE "C"): an index then outlives an upgrade of the system's
locales, which damages others.

A page of postings (about 4 kB) lies in the table itself, two to a block of 8 kB; what does
not fit twice into a block goes to the TOAST table, uncompressed as it cannot be compressed.
https://www.postgresql.org/docs/current/storage-toast.html
"""

from __future__ import annotations

from typing import LiteralString

from psycopg import errors, sql

from songid.errors import StoreError
from songid_plugins.stores.postgresql_errors import MIGRATE_ADVICE
from songid_plugins.stores.postgresql_transactions import Connection
from songid_plugins.stores.postgresql_urls import Address

_VERSION_1: tuple[LiteralString, ...] = (
    "CREATE TABLE schema_version (version integer NOT NULL)",
    'CREATE TABLE meta (key text COLLATE "C" PRIMARY KEY, value text NOT NULL)',
    "CREATE TABLE catalogue (id boolean PRIMARY KEY CHECK (id), version bigint NOT NULL)",
    "INSERT INTO catalogue VALUES (true, 0)",
    """
    CREATE TABLE volumes (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        volume_id text COLLATE "C" NOT NULL UNIQUE,
        state smallint NOT NULL, tier integer NOT NULL DEFAULT 0,
        postings bigint NOT NULL DEFAULT 0, pages bigint NOT NULL DEFAULT 0,
        size_bytes bigint NOT NULL DEFAULT 0, created_at timestamptz,
        begun_at timestamptz NOT NULL, retired_at timestamptz
    )
    """,
    # 4080: two rows of this size, with their pointers, fill a block of 8 kB.
    """
    CREATE TABLE pages (
        volume bigint NOT NULL, number integer NOT NULL, data bytea NOT NULL,
        PRIMARY KEY (volume, number)
    ) WITH (toast_tuple_target = 4080, autovacuum_vacuum_scale_factor = 0.05)
    """,
    "ALTER TABLE pages ALTER COLUMN data SET STORAGE EXTERNAL",
    """
    CREATE TABLE recordings (
        recording_id text COLLATE "C" PRIMARY KEY, title text NOT NULL, artist text NOT NULL,
        album text NOT NULL, label text NOT NULL, isrc text NOT NULL,
        source text COLLATE "C" NOT NULL, content_sha256 text COLLATE "C" NOT NULL,
        audio_sha256 text COLLATE "C" NOT NULL, same_audio_as text COLLATE "C" NOT NULL,
        duration_s double precision NOT NULL, landmarks bigint NOT NULL,
        indexed_at timestamptz, removed_at timestamptz
    )
    """,
    # By hash: a file's name may be longer than a B-tree's entry.
    "CREATE INDEX live_content ON recordings USING hash (content_sha256) "
    "WHERE removed_at IS NULL AND content_sha256 <> ''",
    "CREATE INDEX live_audio ON recordings USING hash (audio_sha256) "
    "WHERE removed_at IS NULL AND audio_sha256 <> ''",
    "CREATE INDEX live_source ON recordings USING hash (source) "
    "WHERE removed_at IS NULL AND source <> ''",
    "CREATE INDEX removed ON recordings (recording_id) WHERE removed_at IS NOT NULL",
    """
    CREATE TABLE heards (
        station text COLLATE "C" NOT NULL, start_at timestamptz NOT NULL,
        document text NOT NULL, PRIMARY KEY (station, start_at)
    )
    """,
    """
    CREATE TABLE claims (
        key text COLLATE "C" PRIMARY KEY, owner text COLLATE "C" NOT NULL,
        lease_until timestamptz NOT NULL, completed_at timestamptz
    ) WITH (fillfactor = 80)
    """,
)
MIGRATIONS: tuple[tuple[LiteralString, ...], ...] = (_VERSION_1,)
"""Statements that lead from each version to the next; the first from nothing."""

_ANY_TEXT_ENCODING = "UTF8"


def check(connection: Connection, address: Address) -> None:
    """StoreError, saying what to do, unless the tables are there and of this version."""
    where = f"{address.shown}, schema {address.schema}"
    try:
        version = _known_version(connection)
    except errors.UndefinedTable:
        version = 0
    if version == 0:
        raise StoreError(
            f"{where}: there is no songid store here that this user may see; {MIGRATE_ADVICE}"
        )
    if version < len(MIGRATIONS):
        raise StoreError(
            f"{where}: written by an older songid (version {version} of its tables; this one "
            f"needs {len(MIGRATIONS)}); {MIGRATE_ADVICE}"
        )
    _refuse_newer(version, where)


def migrate(connection: Connection, address: Address) -> list[str]:
    """Create the tables, or bring them to this version, within the caller's transaction.

    Of many at once one does so and the others wait for it. One sentence per step taken.
    """
    connection.execute("SET LOCAL statement_timeout TO 0")
    connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"songid {address.schema}"]
    )
    steps = []
    where = f"{address.shown}, schema {address.schema}"
    try:
        if _make_room(connection, address):
            steps.append(f"Created the schema {address.schema}.")
        version = _version(connection)
        _refuse_newer(version, where)
        for number in range(version, len(MIGRATIONS)):
            connection.execute("; ".join(MIGRATIONS[number]), prepare=False)
            steps.append(
                f"Brought the tables from version {number} to {number + 1}."
                if number
                else "Created the tables (version 1)."
            )
        if version < len(MIGRATIONS):
            connection.execute("DELETE FROM schema_version")
            connection.execute("INSERT INTO schema_version VALUES (%s)", [len(MIGRATIONS)])
    except errors.InsufficientPrivilege as error:
        raise StoreError(
            f"{where}: the user may not create it ({error.diag.message_primary}); grant it "
            f"CREATE on the database, or create the schema and make the user its owner"
        ) from error
    return steps


def _make_room(connection: Connection, address: Address) -> bool:
    """Create the schema where there is none; whether there was none."""
    ((encoding,),) = connection.execute("SHOW server_encoding").fetchall()
    if encoding != _ANY_TEXT_ENCODING:
        raise StoreError(
            f"{address.shown}: the database's encoding is {encoding}, which cannot hold all "
            "names; create one with ENCODING 'UTF8' and use that"
        )
    there = connection.execute(
        "SELECT FROM pg_namespace WHERE nspname = %s", [address.schema]
    ).fetchone()
    if there is None:
        connection.execute(
            sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(address.schema)), prepare=False
        )
    return there is None


def _version(connection: Connection) -> int:
    """The tables' version; 0 if there are none. No error, which would undo a transaction."""
    # By name within the schema alone: search_path holds no other.
    ((there,),) = connection.execute("SELECT to_regclass('schema_version') IS NOT NULL").fetchall()
    return _known_version(connection) if there else 0


def _known_version(connection: Connection) -> int:
    ((version,),) = connection.execute("SELECT max(version) FROM schema_version").fetchall()
    return version or 0


def _refuse_newer(version: int, where: str) -> None:
    if version > len(MIGRATIONS):
        raise StoreError(
            f"{where}: written by a newer songid (version {version} of its tables; this one "
            f"knows {len(MIGRATIONS)}); update songid, or name another ?schema="
        )
