"""CPU time and memory: of a call in this process, or of a whole fresh one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

TESTS = Path(__file__).resolve().parent.parent


@dataclass(slots=True)
class Stopwatch:
    """CPU and wall seconds of a `with` block; all threads and finished children count."""

    cpu_s: float = 0.0
    wall_s: float = 0.0


@contextmanager
def stopwatch() -> Iterator[Stopwatch]:
    """Measure a block."""
    watch = Stopwatch()
    cpu_s, wall_s = _cpu_s(), time.perf_counter()
    yield watch
    watch.cpu_s, watch.wall_s = _cpu_s() - cpu_s, time.perf_counter() - wall_s


def median_cpu_s(call: Callable[[], object], repeats: int) -> float:
    """The median CPU time of calls, without the first, which warms up."""
    call()
    times = []
    for _ in range(repeats):
        begun = time.process_time()
        call()
        times.append(time.process_time() - begun)
    return median(times)


def _cpu_s() -> float:
    now = os.times()
    return now.user + now.system + now.children_user + now.children_system


@dataclass(frozen=True, slots=True)
class Fresh:
    """What a fresh process answered and cost; `peak_bytes` is its resident memory's peak."""

    answer: Any
    cpu_s: float
    peak_bytes: int


def run_fresh(module: str, arguments: Sequence[str]) -> Fresh:
    """Run `python -m module arguments` alone; it prints its answer as one line of JSON.

    Raises RuntimeError with what it said if it fails. Linux and macOS.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    )
    assert process.stdout is not None and process.stderr is not None
    errors: list[bytes] = []
    stderr = process.stderr
    reader = threading.Thread(target=lambda: errors.append(stderr.read()))
    reader.start()
    output = process.stdout.read()
    # wait4 gives the use of this one child, where getrusage gives the largest of all.
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    reader.join()
    if process.returncode:
        raise RuntimeError(f"{module} failed:\n{errors[0].decode(errors='replace')}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Fresh(
        json.loads(output.splitlines()[-1]),
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss * unit,
    )
