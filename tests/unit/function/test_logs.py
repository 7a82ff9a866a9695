from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from songid.function.logs import facts, log_as_json

log = logging.getLogger("songid.test")


@pytest.fixture(autouse=True)
def _root() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def test_lines_are_json_with_the_request_and_what_they_are_about(
    capsys: pytest.CaptureFixture[str],
) -> None:
    formatter = log_as_json("info")
    formatter.request_id = "r1"
    log.info("%s: done", "a \ud800\nb", extra=facts(uri="s3://b/k", station="", seconds=0.5))
    log.debug("not told")
    (line,) = capsys.readouterr().out.splitlines()
    document = json.loads(line)
    assert document.pop("time").endswith("+00:00")
    assert document == {
        "level": "info",
        "message": "a \ud800\nb: done",
        "logger": "songid.test",
        "request_id": "r1",
        "uri": "s3://b/k",
        "seconds": 0.5,
    }


def test_a_traceback_is_a_field_of_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    log_as_json("info")
    try:
        raise ZeroDivisionError("never")
    except ZeroDivisionError:
        log.exception("it failed")
    (line,) = capsys.readouterr().out.splitlines()
    assert "ZeroDivisionError: never" in json.loads(line)["error"]


def test_other_handlers_are_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger().addHandler(logging.StreamHandler())
    log_as_json("warning")
    log_as_json("warning")
    log.info("not told")
    log.warning("told")
    captured = capsys.readouterr()
    assert captured.err == "" and len(captured.out.splitlines()) == 1
