"""How soon the function is there: from a new process to its first event, and to its answer.

The real runtime client runs songid's handler from the laid-out image, with nothing else to
import; a bucket of moto's stands for the user's.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

from benchmarks.results import Measure, Section
from cloud_material import cloud_at, moto_server
from function_material import batch, created, failures
from layout_material import HERE, PYTHON, ROOT, environment_in
from runtime_api import runtime

from songid.audio.encode import encode
from songid.testing.music import compose

_STARTS = 7
_SEGMENT_S = 12.0
_RATE_HZ = 22_050
_SEGMENT = "songs_to_check/streams/radio1_20260301T120000.00001.ts"


@dataclass(frozen=True, slots=True)
class _Start:
    """ready_s: from the process's begin to its first question for work; cpu_s: spent till then.

    answered_s: from the process's begin to the answer about its first segment.
    """

    ready_s: float
    cpu_s: float
    answered_s: float


def measure_lambda(folder: Path) -> Section:
    """Lay the image out in `folder` and start the function from it, several times.

    Each is a new process of a machine whose disk cache is warm, as a benchmark's second
    start always is; Lambda's own work before the process is begun is not in it.
    """
    layout = folder / "lambda"
    script = ROOT / "lambda_build" / "layout.py"
    subprocess.run(
        [sys.executable, script, "--architecture", HERE, "--to", layout],
        env={"UV_SYSTEM_CERTS": "1", **os.environ},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    size = sum(path.stat().st_size for path in layout.rglob("*") if path.is_file())
    with moto_server() as endpoint, cloud_at(endpoint) as cloud:
        bucket = cloud.bucket()
        event = created(_SEGMENT, bucket)
        event["detail"]["object"]["etag"] = cloud.put(bucket, _SEGMENT, _segment())["ETag"][1:-1]
        starts = [
            _start(layout, folder, bucket, batch(event), cloud.environment)
            for _ in range(_STARTS + 1)
        ][1:]
    return Section(
        "A function's start",
        f"{_STARTS} processes from the image's files, median; Python {sys.version.split()[0]}",
        [
            Measure("from process to first event", _median(starts, "ready_s"), "s", at_most=1.5),
            Measure("processor time of that", _median(starts, "cpu_s"), "s"),
            Measure("from process to first segment's answer", _median(starts, "answered_s"), "s"),
            Measure("the image's files", size / 1e6, "MB", at_most=230),
        ],
        details={name: [getattr(each, name) for each in starts] for name in _Start.__slots__},
    )


def _start(
    layout: Path, folder: Path, bucket: str, event: Any, surroundings: dict[str, str]
) -> _Start:
    environment = environment_in(
        layout,
        **surroundings,
        SONGID_STORE=f"sqlite:{folder / uuid4().hex}",
        SONGID_INBOX=f"s3://{bucket}",
        SONGID_SINKS=f'["s3://{bucket}/events"]',
    )
    with runtime(folder, environment, PYTHON) as started:
        ready_s = time.monotonic() - started.began
        cpu_s = _cpu_s(started.process.pid)
        outcome = started.invoke(event)
        answered_s = time.monotonic() - started.began
        if outcome.error or outcome.exit_code is not None or failures(outcome.answer):
            raise RuntimeError(f"the function failed:\n{started.output()}")
    return _Start(ready_s, cpu_s, answered_s)


def _cpu_s(pid: int) -> float:
    """A process's user and system time; see proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _segment() -> bytes:
    samples = compose(1, _SEGMENT_S, _RATE_HZ)[0].mean(axis=1, dtype="float32")
    file = io.BytesIO()
    encode(samples, _RATE_HZ, file, format="ts")
    return file.getvalue()


def _median(starts: list[_Start], name: str) -> float:
    return median(getattr(each, name) for each in starts)
