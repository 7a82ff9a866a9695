"""Connections to one PostgreSQL database, and operations repeated until they are done.

An operation whose connection is lost is repeated on a new one. Where it was lost while
committing, the server is first asked what became of that transaction (`pg_xact_status`):
so nothing is done twice although its acknowledgement was lost.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar, cast

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus

from songid.errors import StoreError
from songid_plugins.stores.postgresql_credentials import Credentials, Parameters
from songid_plugins.stores.postgresql_errors import (
    Passing,
    Patience,
    are_wrong_credentials,
    explained,
    is_lasting_refusal,
    is_passing,
    words,
)
from songid_plugins.stores.postgresql_transactions import (
    Connection,
    Transaction,
    begin,
    done_or_undone,
    is_committed,
)

T = TypeVar("T")

_LEAST_SERVER_VERSION = 140_000  # idle_session_timeout, among others
_IDLE_TRANSACTION_MS = 60_000  # whoever vanished holds no lock for longer
_LEAST_CONNECT_S = 2  # psycopg takes no less
# The session's settings. A server ends sessions that idle too long by itself, because a
# frozen function cannot, and Aurora does not pause while anyone is connected. The costs
# are those of a disk without moving parts, so that pages are read by their index.
_SESSION = sql.SQL(
    "SET search_path TO {schema}; SET timezone TO 'UTC'; SET jit TO off; "
    "SET statement_timeout TO {statement_ms}; SET idle_session_timeout TO {idle_ms}; "
    "SET idle_in_transaction_session_timeout TO {idle_transaction_ms}; "
    "SET tcp_keepalives_idle TO 30; SET tcp_keepalives_interval TO 10; "
    "SET tcp_keepalives_count TO 3; SET random_page_cost TO 1.1; "
    "SET default_transaction_isolation TO 'read committed'"
)


class Database:
    """Operations on one database, safe from any thread and after any fork.

    `on_connect` is called with each new connection, before anything else.
    """

    def __init__(self, credentials: Credentials, on_connect: Callable[[Connection], None]) -> None:
        self._credentials = credentials
        self._address = credentials.address
        self._on_connect = on_connect
        self._idle: list[tuple[Connection, float]] = []
        self._all: set[Connection] = set()
        self._changed = threading.Condition()
        self._in_use = 0
        self._closed = False
        self._has_connected = False
        _DATABASES.add(self)

    def reading(self, work: Callable[[Connection], T]) -> T:
        """What `work` gives; it may be called again, and its statements stand alone."""
        patience = self._patience()
        while True:
            try:
                with self._connection(patience) as connection:
                    return work(connection)
            except Passing as passing:
                patience.pause(passing)

    def writing(self, work: Callable[[Connection], T]) -> T:
        """What `work` gives, once its transaction is committed; undone by any exception.

        `work` may be called again, and is committed once.
        """
        patience = self._patience()
        earlier: Transaction | None = None
        while True:
            try:
                with self._connection(patience) as connection:
                    if earlier is not None and is_committed(connection, earlier, patience):
                        return cast(T, earlier.result)
                    earlier = begin(connection)
                    earlier.result = result = done_or_undone(work, connection)
                    earlier.committing = True
                    connection.execute("COMMIT", prepare=False)
                    return result
            except Passing as passing:
                patience.pause(passing)

    def close(self) -> None:
        """Close idle connections now and others when they are given back."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._close_idle()

    # -- one connection -----------------------------------------------------------

    def _patience(self) -> Patience:
        return Patience(self._address.shown, self._address.patience_s)

    @contextmanager
    def _connection(self, patience: Patience) -> Iterator[Connection]:
        """A connection for one try; raises Passing where another try is worth it."""
        connection = self._take(patience)
        patience.connected()
        keep = False
        try:
            yield connection
            keep = True
        except psycopg.Error as error:
            if not is_passing(error, connection):
                keep = True
                raise explained(self._address.shown, error) from error
            raise Passing(words(error)) from error
        except Exception:
            keep = True
            raise
        finally:
            if not keep:
                # The others were made before whatever happened to this one.
                self._close_idle()
            self._give_back(connection, keep=keep)

    def _take(self, patience: Patience) -> Connection:
        with self._changed:
            self._changed.wait_for(lambda: self._in_use < self._address.connections or self._closed)
            if self._closed:
                raise StoreError(f"{self._address.shown}: the store has been closed; open it again")
            self._in_use += 1
            fresh_since = time.monotonic() - 0.9 * self._address.idle_s
            while self._idle:
                connection, since = self._idle.pop()
                if since > fresh_since and not connection.closed:
                    return connection
                self._forget(connection)
        try:
            connection = self._connected(patience)
            with self._changed:
                self._all.add(connection)
            return connection
        except BaseException:
            with self._changed:
                self._in_use -= 1
                self._changed.notify()
            raise

    def _give_back(self, connection: Connection, *, keep: bool) -> None:
        if keep and not _is_at_rest(connection):
            with contextlib.suppress(psycopg.Error):
                connection.execute("ROLLBACK", prepare=False)
        with self._changed:
            self._in_use -= 1
            if keep and not self._closed and _is_at_rest(connection):
                self._idle.append((connection, time.monotonic()))
            else:
                self._forget(connection)
            self._changed.notify()

    def _forget(self, connection: Connection) -> None:
        self._all.discard(connection)
        with contextlib.suppress(psycopg.Error):
            connection.close()

    def _close_idle(self) -> None:
        with self._changed:
            while self._idle:
                self._forget(self._idle.pop()[0])

    # -- connecting ---------------------------------------------------------------

    def _connected(self, patience: Patience) -> Connection:
        """A new connection, ready for use; Passing if there may be one later."""
        shown = self._address.shown
        try:
            try:
                connection = self._any_of(self._credentials.attempts(), patience)
            except psycopg.Error as error:
                if not are_wrong_credentials(error) or not self._credentials.renew():
                    raise
                connection = self._any_of(self._credentials.attempts(), patience)
        except psycopg.Error as error:
            if is_lasting_refusal(error, has_connected=self._has_connected):
                raise StoreError(
                    f"{shown}: cannot connect ({words(error)}); check the URL's user, password, "
                    "host and database, and whether the server lets this machine in"
                ) from error
            raise Passing(words(error)) from error
        try:
            self._set_up(connection)
        except psycopg.Error as error:
            passing = is_passing(error, connection)
            connection.close()
            if passing:
                raise Passing(words(error)) from error
            raise explained(shown, error) from error
        except BaseException:
            connection.close()
            raise
        self._has_connected = True
        return connection

    def _any_of(self, attempts: list[Parameters], patience: Patience) -> Connection:
        """The first connection that can be had."""
        for attempt in attempts[:-1]:
            with contextlib.suppress(psycopg.Error):
                return _connect(attempt, patience.left_s())
        return _connect(attempts[-1], patience.left_s())

    def _set_up(self, connection: Connection) -> None:
        address = self._address
        version = connection.info.server_version
        if version < _LEAST_SERVER_VERSION:
            raise StoreError(
                f"{address.shown}: this is PostgreSQL {version // 10_000}; songid needs 14 or newer"
            )
        settings = _SESSION.format(
            schema=sql.Identifier(address.schema),
            statement_ms=sql.Literal(round(address.statement_s * 1000)),
            idle_ms=sql.Literal(round(address.idle_s * 1000)),
            idle_transaction_ms=sql.Literal(_IDLE_TRANSACTION_MS),
        )
        connection.execute(settings, prepare=False)
        self._on_connect(connection)

    # -- around a fork ------------------------------------------------------------

    def after_fork_in_child(self) -> None:
        """Start anew: connections and threads stay the parent's."""
        self._changed = threading.Condition()
        for connection in self._all:
            # Closing would tell the server that the parent is leaving; the child only drops
            # its copy of the socket, lest the server take a killed parent for alive.
            with contextlib.suppress(OSError, psycopg.Error):
                os.close(connection.fileno())
        _LEFT_TO_PARENTS.extend(self._all)
        self._all = set()
        self._idle = []
        self._in_use = 0


def _connect(parameters: Parameters, left_s: float) -> Connection:
    timeout_s = min(float(parameters.get("connect_timeout", 20)), max(_LEAST_CONNECT_S, left_s))
    given = {**parameters, "connect_timeout": str(round(timeout_s))}
    return psycopg.connect(make_conninfo("", **given), autocommit=True)


def _is_at_rest(connection: Connection) -> bool:
    return connection.info.transaction_status == TransactionStatus.IDLE


_DATABASES: weakref.WeakSet[Database] = weakref.WeakSet()
_LEFT_TO_PARENTS: list[Connection] = []


def _after_fork_in_child() -> None:
    for database in list(_DATABASES):
        database.after_fork_in_child()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_after_fork_in_child)
