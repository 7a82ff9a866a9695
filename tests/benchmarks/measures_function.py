"""What a segment costs a warm function in processor time, calls to its services and all.

The services (a bucket, a topic and a queue of moto's, DynamoDB Local or PostgreSQL) run in
processes of their own, as they run elsewhere in a cloud; what is counted is songid's.
"""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import av
import numpy as np
from benchmarks.engine import index_files, open_engine
from benchmarks.measures_index import fill_up
from benchmarks.measures_segments import dynamodb_server, postgresql_server
from benchmarks.results import Measure, Section
from cloud_material import Cloud, cloud_at
from function_material import batch, created, failures

from songid.audio.decode import read_all
from songid.audio.encode import encode
from songid.function.function import Function, Request
from songid.settings import load

_SEGMENT_S = 12
_RATE_HZ = 44_100
_WARM_UP = 12
_COUNTED = 40
_START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def measure_function(files: Sequence[Path], recordings: int, folder: Path) -> Section:
    """Processor time of a segment of known music, from event to answer, over its decoding's."""
    segments = _segments(files, _WARM_UP + _COUNTED)
    bare_ms = _bare_ms(segments[_WARM_UP:])
    measures = [Measure("decoding alone", bare_ms, "ms CPU")]
    details = {}
    with ExitStack() as stack:
        cloud = stack.enter_context(_moto())
        for name, server in (("DynamoDB", dynamodb_server), ("PostgreSQL", postgresql_server)):
            with server(folder) as url:
                spent_ms = _spent_ms(cloud, url, files, recordings, segments, folder)
            details[name] = spent_ms
            cost_ms = median(spent_ms)
            measures += [
                Measure(f"from event to answer, {name}", cost_ms, "ms CPU"),
                Measure(f"over decoding alone, {name}", cost_ms / bare_ms, "x CPU", at_most=5),
            ]
    return Section(
        "A segment in a warm function",
        f"{_COUNTED} segments, {recordings} recordings; told to a topic and a bucket; median",
        measures,
        details=details,
    )


def _spent_ms(
    cloud: Cloud,
    store: str,
    files: Sequence[Path],
    recordings: int,
    segments: Sequence[bytes],
    folder: Path,
) -> list[float]:
    bucket, topic = cloud.bucket(), cloud.topic()
    (folder / "songid.toml").touch()
    settings = load(
        folder / "songid.toml",
        {
            "store": store,
            "inbox": f"s3://{bucket}?counter_s=12",
            "sinks": [f"sns:{topic}", f"s3://{bucket}/results?events=play_started,play_ended"],
            "retention.journal_days": 0,
        },
    )
    function = Function(settings)
    try:
        # Its own store is borrowed to fill it.
        with open_engine(function.app.store, close=False) as engine:
            index_files(engine, files)
            fill_up(engine, files, recordings)
        function.open()
        spent_ms = []
        for number, content in enumerate(segments):
            key = f"songs_to_check/streams/radio1_{_START:%Y%m%dT%H%M%S}.{number:06}.ts"
            event = created(key, bucket)
            event["time"] = f"{_START + timedelta(seconds=12 * number):%Y-%m-%dT%H:%M:%SZ}"
            stored = cloud.put(bucket, key, content)
            event["detail"]["object"].update(etag=stored["ETag"].strip('"'), size=len(content))
            began = time.process_time()
            with redirect_stdout(io.StringIO()):  # its metrics
                answer = function.handle(batch(event), Request())
            spent_ms.append(1000 * (time.process_time() - began))
            if failures(answer):
                raise RuntimeError(f"the function failed on segment {number}")
        return spent_ms[_WARM_UP:]
    finally:
        function.close()


def _segments(files: Sequence[Path], count: int) -> list[bytes]:
    """So many segments of the files one after another, AAC in MPEG-TS."""
    size = _SEGMENT_S * _RATE_HZ
    parts: list[bytes] = []
    for path in files:
        samples = read_all(path, _RATE_HZ)
        for first in range(0, len(samples) - size, size):
            file = io.BytesIO()
            encode(samples[first : first + size], _RATE_HZ, file, format="ts", bitrate=96_000)
            parts.append(file.getvalue())
            if len(parts) == count:
                return parts
    raise RuntimeError(f"the music is shorter than {count * _SEGMENT_S} s")


def _bare_ms(segments: Sequence[bytes]) -> float:
    times = []
    for content in segments:
        began = time.process_time()
        with av.open(io.BytesIO(content), mode="r") as file:
            for frame in file.decode(audio=0):
                np.asarray(frame.samples)
        times.append(1000 * (time.process_time() - began))
    return median(times)


@contextmanager
def _moto() -> Iterator[Cloud]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ)
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        with cloud_at(f"http://127.0.0.1:{port}") as cloud:
            yield cloud
    finally:
        server.kill()
        server.wait()
