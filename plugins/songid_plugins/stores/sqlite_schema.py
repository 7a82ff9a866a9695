"""The tables of the embedded store, and the steps from any older version to this one.

What the columns mean:

- `meta`: small texts by key.
- `state`: one row, `catalogue_version`, which grows with each change of the catalogue.
- `volumes.state`: 0 begun (invisible), 1 live, 2 retired. `begun_at_us` is the last time
  pages were put; all `_us` columns are microseconds since 1970 UTC.
- `pages.page_key`: `volumes.number` * 2**31 + the page's number in its volume. One integer
  key costs a third index of (volume_id, number) nothing, and pages of a volume lie together.
- `recordings`: the fields of `songid.model.Recording`.
- `heards.document`: `songid.documents.heard_document` without station and start.
- `claims`: `completed_at_us` is null while the claim is open.

Text that is not valid Unicode (a file name in another encoding) is kept as a blob.

A database page has 4096 bytes, for a page of postings has at most 4032 and so fills one
without an overflow page.
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from songid.errors import StoreError
from songid_plugins.stores.sqlite_connections import (
    BUSY_TIMEOUT_S,
    connect,
    explained,
    patiently_until,
)

APPLICATION_ID = 0x534F4E47  # "SONG"
PAGE_NUMBER_BITS = 31
_PAGE_SIZE_BYTES = 4096

_VERSION_1 = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), catalogue_version INTEGER)",
    "INSERT INTO state VALUES (1, 0)",
    """
    CREATE TABLE volumes (
        number INTEGER PRIMARY KEY AUTOINCREMENT, volume_id TEXT NOT NULL UNIQUE,
        state INTEGER NOT NULL, tier INTEGER NOT NULL DEFAULT 0,
        postings INTEGER NOT NULL DEFAULT 0, pages INTEGER NOT NULL DEFAULT 0,
        size_bytes INTEGER NOT NULL DEFAULT 0, created_at_us INTEGER NOT NULL DEFAULT 0,
        begun_at_us INTEGER NOT NULL, retired_at_us INTEGER
    )
    """,
    "CREATE TABLE pages (page_key INTEGER PRIMARY KEY, content BLOB NOT NULL)",
    """
    CREATE TABLE recordings (
        recording_id TEXT PRIMARY KEY, title TEXT NOT NULL, artist TEXT NOT NULL,
        album TEXT NOT NULL, label TEXT NOT NULL, isrc TEXT NOT NULL,
        duration_s REAL NOT NULL, source TEXT NOT NULL, content_sha256 TEXT NOT NULL,
        audio_sha256 TEXT NOT NULL, landmarks INTEGER NOT NULL, indexed_at_us INTEGER,
        removed_at_us INTEGER, same_audio_as TEXT NOT NULL
    ) WITHOUT ROWID
    """,
    "CREATE INDEX live_content ON recordings (content_sha256) WHERE removed_at_us IS NULL",
    "CREATE INDEX live_audio ON recordings (audio_sha256) WHERE removed_at_us IS NULL",
    "CREATE INDEX live_source ON recordings (source) WHERE removed_at_us IS NULL",
    "CREATE INDEX removed ON recordings (removed_at_us) WHERE removed_at_us IS NOT NULL",
    """
    CREATE TABLE heards (
        station TEXT NOT NULL, start_us INTEGER NOT NULL, document TEXT NOT NULL,
        PRIMARY KEY (station, start_us)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE claims (
        key TEXT PRIMARY KEY, owner TEXT NOT NULL, lease_until_us INTEGER NOT NULL,
        completed_at_us INTEGER
    ) WITHOUT ROWID
    """,
)
MIGRATIONS = (_VERSION_1,)
"""Statements that lead from each version to the next; the first from an empty file."""
SCHEMA_VERSION = len(MIGRATIONS)


def prepare(path: Path) -> None:
    """Create the database if there is none, or bring an older one to this version.

    Any number of processes may do so at once. Raises StoreError for a newer version, a
    database of another program and a file that is no database.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    with explained(path):
        while True:
            try:
                connection = connect(path)
                try:
                    _prepare(connection, path)
                finally:
                    connection.close()
                return
            except sqlite3.OperationalError as error:
                patiently_until(deadline, error)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    if _version(connection, path) == SCHEMA_VERSION:
        return
    # Both only take hold in a file that has no table yet, and before the journal mode.
    connection.execute(f"PRAGMA page_size = {_PAGE_SIZE_BYTES}")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise StoreError(
            f"{path}: this file system cannot share a database between processes; "
            "put the store on a local disk"
        )
    connection.execute("BEGIN IMMEDIATE")
    try:
        for version in range(_version(connection, path), SCHEMA_VERSION):
            for statement in MIGRATIONS[version]:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """The schema's version; 0 for an empty file."""
    # In this order: whoever makes the file just now commits its tables and its id together,
    # so an id read after tables were seen is theirs.
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    if tables and application_id != APPLICATION_ID:
        raise StoreError(
            f"{path}: this is a database of another program; name another folder for the store"
        )
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{path}: written by a newer songid (schema {version}; this one knows "
            f"{SCHEMA_VERSION}); upgrade songid, or name another folder"
        )
    return version
