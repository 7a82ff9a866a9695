"""Connections to one SQLite file: handed out per transaction, closed around a fork.

A connection is never shared by two threads at once, and never carried over a fork, which
SQLite forbids: before one, running transactions are waited for and connections closed.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from songid.errors import StoreError

BUSY_TIMEOUT_S = 120.0
_FORK_WAIT_S = 60.0
_CACHE_KIB = 8 * 1024  # small: pages once read are cached by the engine
_LARGEST_IDLE_WAL_BYTES = 4 * 1024 * 1024


class Database:
    """The transactions of one database file, safe from any thread and after any fork."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._idle: list[sqlite3.Connection] = []
        self._changed = threading.Condition()
        self._in_use = 0
        self._forking = False
        self._closed = False
        _DATABASES.add(self)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A transaction that sees one state of the database throughout."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is on disk when it ends, or undone by any exception."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    @contextmanager
    def plain(self) -> Iterator[sqlite3.Connection]:
        """A connection without a transaction, for statements that refuse one."""
        connection = self._take()
        try:
            with explained(self.path):
                yield connection
        finally:
            self._give_back(connection)

    def close(self) -> None:
        """Close idle connections now and others when they are given back."""
        with self._changed:
            self._closed = True
            self._close_idle()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self.plain() as connection:
            connection.execute(begin)
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _take(self) -> sqlite3.Connection:
        with self._changed:
            self._changed.wait_for(lambda: not self._forking)
            if self._closed:
                raise StoreError(f"{self.path}: the store has been closed; open it again")
            self._in_use += 1
            if self._idle:
                return self._idle.pop()
        try:
            with explained(self.path):
                return connect(self.path)
        except BaseException:
            with self._changed:
                self._in_use -= 1
                self._changed.notify_all()
            raise

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._changed:
            self._in_use -= 1
            if self._closed:
                connection.close()
            else:
                self._idle.append(connection)
            self._changed.notify_all()

    def _close_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()

    # -- around a fork ------------------------------------------------------------

    def before_fork(self) -> None:
        """Let transactions of other threads end, keep new ones out, close everything."""
        with self._changed:
            self._forking = True
            self._changed.wait_for(lambda: self._in_use == 0, timeout=_FORK_WAIT_S)
            self._close_idle()

    def after_fork_in_parent(self) -> None:
        """Let transactions in again."""
        with self._changed:
            self._forking = False
            self._changed.notify_all()

    def after_fork_in_child(self) -> None:
        """Start anew: the other threads, and whatever they held, are not in the child."""
        self._changed = threading.Condition()
        self._in_use = 0
        self._forking = False


def connect(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode whose commits survive a loss of power."""
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        connection.execute(f"PRAGMA journal_size_limit = {_LARGEST_IDLE_WAL_BYTES}")
    except BaseException:
        connection.close()
        raise
    return connection


def patiently_until(deadline: float, error: sqlite3.OperationalError) -> None:
    """Sleep a little after a busy database, or raise when it is none or time is up.

    SQLite's own busy handler does not cover a change of journal mode or a recovery.
    """
    if not _code_name(error).startswith("SQLITE_BUSY") or time.monotonic() > deadline:
        raise error
    time.sleep(0.05)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into a StoreError that says what to do."""
    try:
        yield
    except (sqlite3.OperationalError, sqlite3.DatabaseError) as error:
        if isinstance(error, sqlite3.ProgrammingError | sqlite3.InterfaceError):
            raise  # a defect of this store, to be shown whole
        raise StoreError(f"{path}: {_advice(_code_name(error))} ({error})") from error


def _code_name(error: sqlite3.Error) -> str:
    name: str = getattr(error, "sqlite_errorname", "")
    return name


def _advice(code: str) -> str:
    for prefix, advice in _ADVICE:
        if code.startswith(prefix):
            return advice
    return "the database refused what it was asked"


_ADVICE = (
    ("SQLITE_FULL", "the disk is full; make room and run it again, nothing is lost"),
    ("SQLITE_NOTADB", "this file is not a songid database; name another folder"),
    ("SQLITE_CORRUPT", "the database is damaged; restore a backup or index anew elsewhere"),
    ("SQLITE_READONLY", "the database cannot be written to; check the folder's permissions"),
    ("SQLITE_CANTOPEN", "the database cannot be opened; check the folder and its permissions"),
    ("SQLITE_PERM", "the database cannot be opened; check the folder's permissions"),
    (
        "SQLITE_BUSY",
        f"other processes kept the database busy for {BUSY_TIMEOUT_S:.0f} s; run it again later",
    ),
    (
        "SQLITE_IOERR",
        "reading or writing the disk failed; check its free space, its quota and its health",
    ),
)

_DATABASES: weakref.WeakSet[Database] = weakref.WeakSet()


def _before_fork() -> None:
    for database in list(_DATABASES):
        database.before_fork()


def _after_fork_in_parent() -> None:
    for database in list(_DATABASES):
        database.after_fork_in_parent()


def _after_fork_in_child() -> None:
    for database in list(_DATABASES):
        database.after_fork_in_child()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
