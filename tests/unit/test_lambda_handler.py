"""The entry point: one function for a process, made again when it broke, and nothing too much."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from function_material import batch, created, failures, function_environment
from small_material import aired, put, song

from songid import lambda_handler
from songid.errors import SettingsError, StoreError

SONG = "songs_to_index/song.mp3"
OTHER_SONG = "songs_to_index/other.mp3"
SEGMENT = "songs_to_check/streams/radio_20260301T120000.ts"


@dataclass
class Context:
    aws_request_id: str = "r1"
    function_name: str = "songid-test"

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


@pytest.fixture(autouse=True)
def _handler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.chdir(tmp_path)
    for name, value in function_environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    yield
    lambda_handler._drop()
    root.handlers[:], root.level = handlers, level


def handle(event: Any) -> dict[str, Any]:
    return lambda_handler.handler(event, Context())


def test_one_function_takes_all_events(tmp_path: Path) -> None:
    put(tmp_path / "inbox" / SONG, song(1))
    assert failures(handle(batch(created(SONG)))) == []
    first = lambda_handler._function
    assert first is not None
    assert handle({"songid": "merge"}) == {"merges": 0}
    assert lambda_handler._function is first


def test_wrong_settings_are_an_error_at_each_event_until_they_are_right(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("SONGID_LISTENING__THRESHOLD", "7")
        for _ in range(2):
            with pytest.raises(SettingsError, match="THRESHOLD"):
                handle({"songid": "merge"})
    assert handle({"songid": "merge"}) == {"merges": 0}


def test_after_a_defect_everything_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    handle({"songid": "merge"})
    broken = lambda_handler._function
    assert broken is not None

    def fails(*arguments: Any) -> None:
        raise ZeroDivisionError("never")

    monkeypatch.setattr(broken, "handle", fails)
    with pytest.raises(ZeroDivisionError):
        handle({"songid": "merge"})
    assert handle({"songid": "merge"}) == {"merges": 0}
    assert lambda_handler._function is not broken


def test_a_store_that_fails_again_and_again_is_opened_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "inbox" / SONG, song(1))
    handle({"songid": "merge"})
    broken = lambda_handler._function
    assert broken is not None

    def fails(*arguments: Any) -> None:
        raise StoreError("away")

    monkeypatch.setattr(broken.app.store, "claim", fails)
    monkeypatch.setattr(broken.app.store, "drop_heards", fails)
    for _ in range(2):
        assert failures(handle(batch(created(SONG)))) == ["m0"]
        assert lambda_handler._function is broken
    with pytest.raises(StoreError):
        handle({"songid": "retention"})
    assert failures(handle(batch(created(SONG)))) == []
    assert lambda_handler._function is not broken


_PROBE = """
import json, sys
import _multiprocessing

def no_shared_memory(*arguments):
    raise OSError(38, "Function not implemented")  # as on Lambda, which has no /dev/shm

_multiprocessing.SemLock = no_shared_memory
from songid import lambda_handler

class Context:
    aws_request_id, function_name = "r1", "songid-test"
    def get_remaining_time_in_millis(self):
        return 900_000

for event in json.load(sys.stdin):
    print(json.dumps(lambda_handler.handler(event, Context())), file=sys.stderr)
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def test_nothing_is_imported_or_shared_that_a_segment_does_not_need(tmp_path: Path) -> None:
    put(tmp_path / "inbox" / SONG, song(1))
    put(tmp_path / "inbox" / OTHER_SONG, song(2))
    put(tmp_path / "inbox" / SEGMENT, aired(1))
    done = subprocess.run(
        [sys.executable, "-c", _PROBE],
        input=json.dumps([batch(*map(created, (SONG, OTHER_SONG, SEGMENT)))]),
        env={**os.environ, **function_environment(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer, modules = map(json.loads, done.stderr.splitlines())
    assert answer == {"batchItemFailures": []}
    unused = {
        "apscheduler",
        "boto3",
        "botocore",
        "click",
        "concurrent.futures.process",
        "hypothesis",
        "jinja2",
        "jsonschema",
        "psycopg",
        "pydub",
        "pytest",
        "reports_templates",
        "rich",
        "songid.demo",
        "songid.scheduler",
        "songid.testing",
        "songid.worker_processes",
        "songid_plugins.report_formats",
    }
    there = [name for name in modules if any(f"{name}.".startswith(f"{x}.") for x in unused)]
    assert there == []
