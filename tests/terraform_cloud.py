"""A cloud for what Terraform applies: moto's server as a process of its own, and lines to it.

A line passes requests on, notes them, and may answer some itself: for what moto does only
with Docker, invoking functions, the tests have an answer of their own.
"""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cloud_material import ACCOUNT, REGION, environment

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "proxy-connection"})
# A function's image must really be in the repository.
_MOTO = {"MOTO_LAMBDA_STUB_ECR": "false"}


@dataclass(frozen=True)
class Asked:
    """A request as it came: `path` as it was written, `query` with its values decoded."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]  # by names in small letters
    body: bytes

    @property
    def service(self) -> str:
        """The service that the request was signed for, such as `s3`."""
        found = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", self.headers["authorization"])
        assert found, self.headers["authorization"]
        return found[1]


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Line:
    """A way to the cloud; `asked` holds the requests that came by it, in their order."""

    address: str
    asked: list[Asked] = field(default_factory=list)


@contextmanager
def moto_process(folder: Path) -> Iterator[str]:
    """Run moto's server until the block ends; its address."""
    with (folder / "moto.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, __file__],
            env={**os.environ, **environment(""), **_MOTO},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )
    assert process.stdin is not None and process.stdout is not None
    with process:
        try:
            said = (line.decode().strip() for line in process.stdout)
            address = next((line for line in said if line.startswith("http://")), "")
            assert address, (folder / "moto.log").read_text()
            yield address
        finally:
            process.kill()


@contextmanager
def line_to(
    endpoint: str, answer: Callable[[Asked], Answer | None] = lambda asked: None
) -> Iterator[Line]:
    """A line to the cloud at `endpoint`, but for the requests that `answer` answers itself."""
    host = urlsplit(endpoint).netloc
    line = Line("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def __getattr__(self, name: str) -> Any:
            """Every method is answered in the same way."""
            if name.startswith("do_"):
                return self._answer
            raise AttributeError(name)

        def _answer(self) -> None:
            asked = self._read()
            line.asked.append(asked)
            given = answer(asked) or _passed_on(host, self.path, asked)
            self.send_response(given.status)
            for name, value in given.headers.items():
                self.send_header(name, value)
            if "content-length" not in map(str.lower, given.headers):
                self.send_header("Content-Length", str(len(given.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(given.body)

        def _read(self) -> Asked:
            parts = urlsplit(self.path)
            length = self.headers["Content-Length"]
            assert length or not self.headers["Transfer-Encoding"], "chunks are not read here"
            return Asked(
                method=self.command,
                path=parts.path,
                query=parse_qs(parts.query, keep_blank_values=True),
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(int(length or 0)),
            )

        def log_message(self, format: str, *arguments: Any) -> None:
            """Nothing is logged."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 100

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A function that is ended leaves in the middle of whatever it said."""

    server = Server(("127.0.0.1", 0), Handler)
    line.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield line
    finally:
        server.shutdown()
        server.server_close()


def _passed_on(host: str, target: str, asked: Asked) -> Answer:
    connection = http.client.HTTPConnection(host, timeout=120)
    try:
        # Host stays out, so that queues' URLs are those of the cloud, not of this line.
        headers = {
            name: value
            for name, value in asked.headers.items()
            if name not in _HOP_BY_HOP | {"host", "expect"}
        }
        connection.request(asked.method, target, asked.body or None, headers)
        response = connection.getresponse()
        given = {
            name: value
            for name, value in response.getheaders()
            if name.lower() not in _HOP_BY_HOP | {"date", "server"}
        }
        return Answer(response.status, given, response.read())
    finally:
        connection.close()


def clients(endpoint: str) -> Callable[[str], Any]:
    """Makes clients of the cloud at `endpoint`, with nothing taken from the surroundings."""
    import boto3

    session = boto3.session.Session(
        aws_access_key_id="testing", aws_secret_access_key="testing", region_name=REGION
    )
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in made:
            made[service] = session.client(service, endpoint_url=endpoint)
        return made[service]

    return client


def arn(service: str, rest: str) -> str:
    """An ARN in the tests' account and region."""
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"


def _serve() -> None:
    from cloud_material import moto_server

    _mend_moto()
    with moto_server() as endpoint:
        print(endpoint, flush=True)
        sys.stdin.read()  # until whoever started it is gone


def _mend_moto() -> None:
    """Have moto do what Terraform's provider and the tests cannot do without."""
    from moto.core.responses import ActionResult
    from moto.iam.access_control import PermissionResult
    from moto.rds.responses import RDSResponse
    from moto.s3.models import FakeBucket
    from moto.sqs.models import Queue

    # It passes over conditions, so that a policy which denies what comes without TLS denies all.
    FakeBucket.get_permission = lambda *_: PermissionResult.NEUTRAL
    # Its own event source mapping would want Docker, and cannot name the messages that failed.
    Queue.lambda_event_source_mappings = property(lambda _: {}, lambda *_: None)

    def describe_db_engine_versions(self: RDSResponse) -> ActionResult:
        engine, major = self.params["Engine"], self.params["EngineVersion"]
        version = {"Engine": engine, "EngineVersion": f"{major}.6", "Status": "available"}
        return ActionResult({"DBEngineVersions": [version]})

    # It does not know the action, which the provider would try again and again.
    RDSResponse.describe_db_engine_versions = describe_db_engine_versions


if __name__ == "__main__":
    _serve()
