"""A pool of processes that end when the one that gave them work does, however it dies.

They are started afresh, not forked: the parent may have threads and open connections.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.connection import wait
from typing import Any


def worker_pool(workers: int, begin: Callable[..., None], *arguments: Any) -> ProcessPoolExecutor:
    """A pool in each of whose processes `begin(*arguments)`, which must pickle, is called."""
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    return ProcessPoolExecutor(workers, context, _begin, (begin, arguments))


def _begin(begin: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    # Ctrl-C goes to every process of a terminal; the one that gave the work decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A worker holds both ends of the pipe it waits at, so a killed parent leaves no sign there.
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()
    begin(*arguments)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
