from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

PROGRAM = """
import os, sys, time
from pathlib import Path
from songid.worker_processes import worker_pool

def write_pid(folder):
    (Path(folder) / str(os.getpid())).touch()

def work(number):
    time.sleep(0.3)
    return number

if __name__ == "__main__":
    with worker_pool(2, write_pid, sys.argv[1]) as pool:
        print(sum(pool.map(work, range(4))), flush=True)
        time.sleep(60)
"""


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:  # one that has ended, but was not yet asked how
        return b") Z " not in Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False


def test_workers_end_with_the_process_that_gave_them_work_even_if_it_is_killed(
    tmp_path: Path,
) -> None:
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    pids = tmp_path / "pids"
    pids.mkdir()
    parent = subprocess.Popen(
        [sys.executable, script, pids], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"6\n"
    workers = [int(path.name) for path in pids.iterdir()]
    assert workers and all(map(is_running, workers))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while any(map(is_running, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(is_running, workers))
