"""CPU time and memory: of a call in this process, or of a whole fresh one."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
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


def own_peak_bytes() -> int:
    """The peak of this process's resident memory since its program began; Unix.

    Linux's own count is read where it is: `getrusage` there remembers the memory of the
    process that started this one.
    """
    status = Path("/proc/self/status")
    if status.exists():
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(fields["VmHWM"].split()[0]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


@dataclass(frozen=True, slots=True)
class Fresh:
    """What a fresh process answered, and the CPU time it cost from start to end."""

    answer: Any
    cpu_s: float


def run_fresh(module: str, arguments: Sequence[str]) -> Fresh:
    """Run `python -m module arguments` alone; it prints its answer as one line of JSON.

    Raises RuntimeError with what it said if it fails.
    """
    with stopwatch() as watch:
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            capture_output=True,
            env={**os.environ, "PYTHONPATH": str(TESTS)},
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"{module} failed:\n{done.stderr.decode(errors='replace')}")
    return Fresh(json.loads(done.stdout.splitlines()[-1]), watch.cpu_s)
