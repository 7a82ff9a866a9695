"""What PostgreSQL's errors mean to the store: to be tried again, or to be told, and how.

SQLSTATE codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from __future__ import annotations

import logging
import random
import time

import psycopg

from songid.errors import StoreError

logger = logging.getLogger(__name__)

MIGRATE_ADVICE = "run `songid store migrate`"

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 2.0

# What passes although the connection stays: try again on another one.
_PASSING_STATES = frozenset(
    {
        "25006",  # read-only transaction: connected to what is no longer the writer
        "40001",  # serialization failure
        "40P01",  # deadlock detected
        "53300",  # too many connections
        "55006",  # object in use
        "57P01",  # admin shutdown
        "57P02",  # crash shutdown
        "57P03",  # cannot connect now: starting up, or in recovery
        "57P05",  # idle session timeout
    }
)
# libpq gives no SQLSTATE for a refused connection, only the server's words; where those
# are of another language than English, the store is merely patient in vain.
_LASTING_REFUSALS = (
    "authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "does not exist",
    "permission denied",
    "not permitted to log in",
    "does not support ssl",
    "certificate",
    "sslmode",
    "invalid connection option",
    "invalid value",
    "invalid port",
)
_UNKNOWN_HOST = ("failed to resolve host", "could not translate host name")
_WRONG_CREDENTIALS = ("authentication failed", "no password supplied")
_ADVICE = {
    "28": "the user or the password is refused; check the URL",
    "3F": f"the schema is not there; {MIGRATE_ADVICE}",
    "42501": "the user lacks a permission; grant it USAGE on the schema and all on its tables",
    "42P01": f"a table is not there; {MIGRATE_ADVICE}",
    "42703": f"a column is not there; {MIGRATE_ADVICE}",
    "53100": "the server's disk is full; make room and run it again, nothing is lost",
    "53200": "the server is out of memory; give it more and run it again",
    "54": "a value is too large for the database",
    "57014": "the server took too long; raise ?statement_s= or look what keeps it busy",
    "58": "the server could not read or write its disk",
    "XX": "the database is damaged, or its server defective; see the server's log",
}


class Passing(Exception):
    """A failure that may have passed when the operation is tried again on a new connection."""


class Patience:
    """How long an operation has been repeated, and how long it is worth it.

    Time counts from the first failure, the first connecting included.
    """

    def __init__(self, shown: str, patience_s: float) -> None:
        self._shown = shown
        self._patience_s = patience_s
        self._until: float | None = time.monotonic() + patience_s
        self._failures = 0

    def connected(self) -> None:
        """A connection was had: if that one is lost, time counts from then."""
        if not self._failures:
            self._until = None

    def left_s(self) -> float:
        """Seconds that are left for another try."""
        return self._patience_s if self._until is None else self._until - time.monotonic()

    def pause(self, passing: Passing) -> None:
        """Wait a little before the next try, longer each time; StoreError if time is up."""
        if self._until is None:
            self._until = time.monotonic() + self._patience_s
        left_s = self.left_s()
        if left_s <= 0:
            raise StoreError(
                f"{self._shown}: the database could not be used for {self._patience_s:g} s "
                f"({passing}); what was reported as done is kept, so run it again when the "
                "database is back, or give the URL a longer ?patience_s="
            ) from passing.__cause__
        if self._failures == 1:  # the first is most often a connection that had grown stale
            logger.warning(
                "%s: %s; trying again for up to %.0f s", self._shown, passing, max(left_s, 0)
            )
        if self._failures:
            longest_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**self._failures)
            # Of many that wait for one database, not all should come back at once.
            time.sleep(min(left_s, longest_s * random.uniform(0.5, 1.0)))
        self._failures += 1


def is_passing(error: psycopg.Error, connection: psycopg.Connection) -> bool:
    """Whether an operation that failed so is worth repeating on a new connection."""
    state = error.sqlstate or ""
    # Class 08 is what goes wrong with a connection; 57014 (a timeout) leaves it open.
    return connection.closed or state in _PASSING_STATES or state.startswith("08")


def is_lasting_refusal(error: psycopg.Error, *, has_connected: bool) -> bool:
    """Whether connecting again would be refused again: a password, a name, a certificate."""
    told = str(error).lower()
    if not has_connected and any(words in told for words in _UNKNOWN_HOST):
        return "temporary failure" not in told  # otherwise a misspelt name
    return any(words in told for words in _LASTING_REFUSALS)


def are_wrong_credentials(error: psycopg.Error) -> bool:
    """Whether a password was refused, which another one may change."""
    told = str(error).lower()
    return any(words in told for words in _WRONG_CREDENTIALS)


def explained(shown: str, error: psycopg.Error) -> Exception:
    """The error to raise: a StoreError with advice, or `error` itself if it is a defect."""
    state = error.sqlstate or ""
    for length in (5, 2):
        advice = _ADVICE.get(state[:length])
        if advice is not None:
            return StoreError(f"{shown}: {advice} ({words(error)})")
    if isinstance(error, psycopg.OperationalError):
        return StoreError(f"{shown}: {words(error)}")
    return error


def words(error: psycopg.Error) -> str:
    """What the server or libpq said, on one line."""
    said = error.diag.message_primary or str(error)
    return " ".join(said.split()).rstrip(".") or type(error).__name__
