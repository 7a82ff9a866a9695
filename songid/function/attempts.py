"""Finding out what kills the process: a file that crashes the decoder, or takes all memory.

Such a file leaves no word behind. So whatever is delivered again is tried alone, under a
mark that only a process that lived takes off again.
"""

from __future__ import annotations

import functools
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from songid.interfaces import Store

MOST_DEATHS = 2


def deaths(store: Store, job_key: str) -> int:
    """How many processes seem to have died at a job."""
    count, _, owner = (store.get_meta(_key(job_key)) or "0:").partition(":")
    # This one lives: it could just not take its mark off.
    return int(count) - (owner == _me(os.getpid()))


@contextmanager
def attempt(store: Store, job_key: str, earlier_deaths: int) -> Iterator[None]:
    """Mark a job as being tried for as long as the block runs, whether it fails or not."""
    store.put_meta(_key(job_key), f"{earlier_deaths + 1}:{_me(os.getpid())}")
    try:
        yield
    finally:
        forget(store, job_key)


def forget(store: Store, job_key: str) -> None:
    """Take the mark off."""
    store.delete_meta([_key(job_key)])


@functools.cache
def _me(process_id: int) -> str:
    """This process; made when asked for, for a process may be a fork, or a snapshot, of one."""
    return secrets.token_hex(8)


def _key(job_key: str) -> str:
    return f"attempt:{job_key}"
