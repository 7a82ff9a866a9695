"""One transaction: begun so that it can be asked for later, and what became of it if it is lost.

The server remembers how the transactions of some time past have ended, also after a
failover: https://www.postgresql.org/docs/current/functions-info.html (pg_xact_status).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg

from songid_plugins.stores.postgresql_errors import Passing, Patience

Connection = psycopg.Connection[tuple[Any, ...]]
T = TypeVar("T")

_GRACE_S = 0.1
_POLL_S = 0.02


@dataclass(slots=True)
class Transaction:
    """A transaction that was begun: its id, its server process, and what it is to return."""

    xid: str
    backend_pid: int
    result: Any = None
    committing: bool = False


def begin(connection: Connection) -> Transaction:
    """Begin a transaction; its id comes with the same answer."""
    cursor = connection.execute("BEGIN; SELECT pg_current_xact_id()::text", prepare=False)
    cursor.nextset()
    ((xid,),) = cursor.fetchall()
    return Transaction(xid, connection.info.backend_pid)


def done_or_undone(work: Callable[[Connection], T], connection: Connection) -> T:
    """What `work` gives; the transaction is rolled back if it raises what is no SQL error."""
    try:
        return work(connection)
    except psycopg.Error:
        raise
    except Exception:
        # Not left to whoever tidies up: were this lost, the locks would outlive it.
        connection.execute("ROLLBACK", prepare=False)
        raise


def is_committed(connection: Connection, earlier: Transaction, patience: Patience) -> bool:
    """Whether a transaction whose connection was lost has been committed.

    One still open, because the server has not noticed, is ended: it would hold its locks.
    """
    began = time.monotonic()
    while True:
        try:
            ((status,),) = connection.execute(
                "SELECT pg_xact_status(%s::xid8)", [earlier.xid]
            ).fetchall()
        except psycopg.errors.InvalidParameterValue:
            return False  # a server that has never heard of it, and so not committed
        if status != "in progress":
            return earlier.committing and status == "committed"
        if time.monotonic() - began > _GRACE_S:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid = %s AND backend_xid = %s::xid8::xid",
                [earlier.backend_pid, earlier.xid],
            )
        if patience.left_s() <= 0:
            raise Passing("the server does not end a transaction whose connection was lost")
        time.sleep(_POLL_S)
