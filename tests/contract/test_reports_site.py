"""The function that stands before the reports' website: who is let in, and which page is shown.

CloudFront's own runtime is not to be had elsewhere; Node has all of it that the function uses.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SITE = ROOT / "terraform" / "modules" / "reports_site"
TEMPLATE = SITE / "viewer_request.js.tftpl"

_CALLS = """
const calls = JSON.parse(require('fs').readFileSync(0, 'utf8'));
process.stdout.write(JSON.stringify(calls.map((event) => handler(event))));
"""

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="there is no node here")


def _code(logins: list[str], *, public: bool = False) -> str:
    """The function, filled as Terraform fills it."""
    code = TEMPLATE.read_text(encoding="utf-8")
    values = {"logins": json.dumps(logins, separators=(",", ":")), "public": json.dumps(public)}
    for name, value in values.items():
        assert code.count(f"${{{name}}}") == 1
        code = code.replace(f"${{{name}}}", value)
    return code


def _login(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _basic(text: str) -> str:
    return f"Basic {b64encode(text.encode()).decode()}"


def _request(uri: str = "/index.html", authorization: str | None = None) -> dict[str, Any]:
    headers: dict[str, Any] = {"host": {"value": "d111111abcdef8.cloudfront.net"}}
    if authorization is not None:
        headers["authorization"] = {"value": authorization}
    query = {"day": {"value": "2026-01-31"}, "open": {"value": ""}}
    request = {"method": "GET", "uri": uri, "querystring": query, "headers": headers, "cookies": {}}
    return {"version": "1.0", "context": {"eventType": "viewer-request"}, "request": request}


def _answers(code: str, *events: dict[str, Any]) -> list[dict[str, Any]]:
    done = subprocess.run(
        ["node", "-e", code + _CALLS],
        input=json.dumps(events),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


def test_terraform_fills_in_what_this_test_does_and_nothing_else() -> None:
    code = TEMPLATE.read_text(encoding="utf-8")
    assert sorted(re.findall(r"[$%]\{([^}]*)\}", code)) == ["logins", "public"]
    call = re.search(r"templatefile\((.*?)\}\)", (SITE / "main.tf").read_text("utf-8"), re.DOTALL)
    assert call
    assert re.findall(r"(\w+)\s*=\s*jsonencode\(var\.(\w+)\)", call[1]) == [
        ("logins", "logins"),
        ("public", "public"),
    ]


def test_the_function_is_as_large_as_cloudfront_takes_with_a_hundred_logins() -> None:
    assert len(_code([_login(str(number)) for number in range(100)]).encode()) <= 10 * 1024


@needs_node
@pytest.mark.parametrize("count", [0, 1, 2, 100])
def test_any_number_of_logins_gives_a_function_that_runs(count: int) -> None:
    logins = [_login(f"name{number}:password") for number in range(count)]
    events = [_request(authorization=_basic(f"name{number}:password")) for number in range(count)]
    *let_in, refused = _answers(_code(logins), *events, _request())
    assert [answer["uri"] for answer in let_in] == ["/index.html"] * count
    assert refused["statusCode"] == 401


@needs_node
def test_a_right_login_is_let_in_and_its_password_goes_no_further() -> None:
    code = _code([_login("somebody:else"), _login("näme:pass:wörd")])
    events = [
        _request(authorization=_basic("näme:pass:wörd")),
        _request(authorization=_basic("somebody:else").replace("Basic", "basic")),
    ]
    answers = _answers(code, *events)
    for event, answer in zip(events, answers, strict=True):
        del event["request"]["headers"]["authorization"]
        assert answer == event["request"]


@needs_node
def test_anything_else_is_asked_for_a_login() -> None:
    right = _basic("reader:secret")
    wrong = [
        None,
        "",
        "Basic",
        "Basic ",
        "Basic ====",
        "Basic !!!not base64!!!",
        "Basic gICAgA==",  # no UTF-8
        f"Bearer {right.removeprefix('Basic ')}",
        _basic("reader:wrong"),
        _basic("reader"),
        _basic("reader:secret\n"),
        _basic("READER:secret"),
        _basic(_login("reader:secret")),
        f"{right} ",
        f"{right},{right}",
        "Basic reader:secret",
    ]
    answers = _answers(_code([_login("reader:secret")]), *(_request("/", each) for each in wrong))
    for authorization, answer in zip(wrong, answers, strict=True):
        assert answer.get("statusCode") == 401, authorization
        assert answer["headers"]["www-authenticate"]["value"].startswith("Basic realm=")


@needs_node
@pytest.mark.parametrize("public", [False, True])
def test_a_folder_shows_its_index_page_and_the_query_stays(public: bool) -> None:
    code = _code([] if public else [_login("reader:secret")], public=public)
    wanted = {
        "/": "/index.html",
        "/harbour_fm/": "/harbour_fm/index.html",
        "/harbour%20fm/2026/": "/harbour%20fm/2026/index.html",
        "/harbour_fm/2026-01-31.html": "/harbour_fm/2026-01-31.html",
        "/index.json": "/index.json",
    }
    authorization = None if public else _basic("reader:secret")
    events = [_request(uri, authorization) for uri in wanted]
    answers = _answers(code, *events)
    assert [answer["uri"] for answer in answers] == list(wanted.values())
    for event, answer in zip(events, answers, strict=True):
        assert answer["querystring"] == event["request"]["querystring"]


@needs_node
def test_a_public_site_asks_nobody() -> None:
    for answer in _answers(_code([], public=True), _request("/"), _request("/", "Basic ====")):
        assert answer["uri"] == "/index.html"
