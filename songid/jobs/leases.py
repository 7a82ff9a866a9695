"""Claims held for as long as the work on them lasts, renewed by a thread meanwhile.

What is neither completed nor released when its holder dies runs out by itself, and
another takes it over.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from types import TracebackType

from songid.errors import StoreError
from songid.interfaces import Store

log = logging.getLogger(__name__)

DEFAULT_LEASE_S = 60.0


class Leases:
    """One owner's claims in a store; used with `with`, which gives back what is not done."""

    def __init__(
        self, store: Store, clock: Callable[[], datetime], lease_s: float = DEFAULT_LEASE_S
    ) -> None:
        self._store = store
        self._clock = clock
        self._lease_s = lease_s
        self._owner = secrets.token_hex(8)
        self._held: set[str] = set()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Leases:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        if self._held:
            # A store that is in trouble lets them run out instead.
            with contextlib.suppress(StoreError):
                self.release(sorted(self._held))

    def take(self, keys: Sequence[str]) -> list[str]:
        """Claim what can be had of `keys`; the others are done, or in somebody's hands."""
        with self._lock:
            taken = list(keys) if keys and self._claim(keys) else []
            if not taken and len(keys) > 1:
                taken = [key for key in keys if self._claim([key])]
            self._held.update(taken)
        if taken and self._thread is None:
            self._thread = threading.Thread(target=self._renew, name="leases", daemon=True)
            self._thread.start()
        return taken

    def complete(self, keys: Sequence[str]) -> list[str]:
        """Mark claims as done for good; returns those that were lost to another meanwhile."""
        lost: list[str] = []
        with self._lock:
            now = self._clock()
            if keys and not self._store.complete(keys, self._owner, now):
                lost = [key for key in keys if not self._store.complete([key], self._owner, now)]
            self._held.difference_update(keys)
        return lost

    def release(self, keys: Sequence[str]) -> None:
        """Give claims back undone."""
        with self._lock:
            self._held.difference_update(keys)
            self._store.release(keys, self._owner)

    def _claim(self, keys: Sequence[str]) -> bool:
        return self._store.claim(keys, self._owner, self._lease_s, self._clock())

    def _renew(self) -> None:
        while not self._over.wait(self._lease_s / 3):
            with self._lock:
                held = sorted(self._held)
                try:
                    if held and not self._claim(held):
                        lost = {key for key in held if not self._claim([key])}
                        self._held -= lost
                        log.warning("%d claims ran out and were taken by another", len(lost))
                except StoreError as error:
                    log.warning("claims could not be renewed: %s", error)
