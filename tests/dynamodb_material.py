"""DynamoDB for tests: moto's stand-in, and DynamoDB Local where Java and Maven are found.

moto is a server in the test's process, which serves one request after the other, as its
conditions hold only so. DynamoDB Local is fetched once into the environment's folder; one
server is shared by all test processes of a session and ends with the last of them.
"""

from __future__ import annotations

import fcntl
import functools
import json
import logging
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlencode

import pytest
from cloud_material import environment

VERSION = "2.5.2"
_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>dynamodb-local</artifactId><version>1</version>
  <packaging>pom</packaging>
  <dependencies><dependency>
    <groupId>com.amazonaws</groupId><artifactId>DynamoDBLocal</artifactId>
    <version>{VERSION}</version>
  </dependency></dependencies>
</project>
"""
_MAIN = "com.amazonaws.services.dynamodbv2.local.main.ServerRunner"
_FETCHED_WITHIN_S = 600
_STARTED_WITHIN_S = 60
_held: list[IO[str]] = []


class NoServerError(Exception):
    """Why there can be no DynamoDB Local on this machine."""


# -- moto -----------------------------------------------------------------------------


@functools.cache
def moto_endpoint() -> str:
    """The address of this process's moto server, started when first asked for."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application = DomainDispatcherApplication(create_backend_app)
    one_at_a_time = threading.Lock()

    def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        with one_at_a_time:
            return application(environ, start_response)

    class Handler(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"  # or each request would make its own connection

        def log_request(self, *_: Any) -> None:
            """Say nothing."""

    server = make_server("127.0.0.1", 0, serve, threaded=True, request_handler=Handler)
    threading.Thread(target=server.serve_forever, name="moto", daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


# -- DynamoDB Local -------------------------------------------------------------------


@functools.cache
def local_endpoint(base: Path) -> str:
    """The address of the DynamoDB Local of all processes whose tests have `base` as their
    folder; a test that asks is skipped where there can be none."""
    try:
        return _shared_server(base)
    except NoServerError as error:
        pytest.skip(f"no DynamoDB Local: {error}")


def any_endpoint(base: Path) -> str:
    """DynamoDB Local, as it is faster and nearer to the service; moto where there is none."""
    try:
        return _shared_server(base)
    except NoServerError:
        return moto_endpoint()


def session_folder(factory: pytest.TempPathFactory) -> Path:
    """The folder that all test processes of the session share."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@functools.cache
def _shared_server(base: Path) -> str:
    users = (base / "dynamodb.users").open("a")
    fcntl.flock(users, fcntl.LOCK_SH)
    _held.append(users)  # until this process ends, in whatever way
    known, failed = base / "dynamodb.server", base / "dynamodb.failed"
    with _locked(base / "dynamodb.lock"):
        if failed.exists():  # which took long enough to find out
            raise NoServerError(failed.read_text())
        if not known.exists():
            try:
                pid, port = start_local(fetched(), base / "dynamodb.log")
            except NoServerError as error:
                failed.write_text(str(error))
                raise
            known.write_text(f"{pid} {port}")
            subprocess.Popen(
                [sys.executable, __file__, users.name, str(known)],
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        _, port = map(int, known.read_text().split())
    return f"http://127.0.0.1:{port}"


def fetched() -> Path:
    """The folder with DynamoDB Local and all it needs, fetched if it is not there yet."""
    if shutil.which("java") is None or shutil.which("mvn") is None:
        raise NoServerError("Java and Maven are not both installed")
    folder = Path(sys.prefix) / "dynamodb-local"
    library = folder / f"lib-{VERSION}"
    try:
        folder.mkdir(exist_ok=True)
        (folder / "lock").touch()
    except OSError as error:
        raise NoServerError(f"{folder} cannot be written to ({error.strerror})") from None
    with _locked(folder / "lock"):
        if library.is_dir():
            return library
        (folder / "pom.xml").write_text(_POM)
        partial = folder / "partial"
        shutil.rmtree(partial, ignore_errors=True)
        try:
            done = subprocess.run(
                [
                    *("mvn", "--batch-mode", "--quiet", "dependency:copy-dependencies"),
                    f"-DoutputDirectory={partial}",
                    f"-Dmaven.repo.local={folder / 'repository'}",
                ],
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=_FETCHED_WITHIN_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise NoServerError("Maven took too long to fetch it") from None
        if done.returncode:
            lines = (done.stdout + done.stderr).strip().splitlines()
            raise NoServerError(f"Maven could not fetch it: {lines[0] if lines else ''}")
        partial.rename(library)
        shutil.rmtree(folder / "repository", ignore_errors=True)
    return library


def start_local(library: Path, log: Path) -> tuple[int, int]:
    """Start DynamoDB Local; its process's id and its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with log.open("w") as out:
        process = subprocess.Popen(
            [
                *("java", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
                f"-Djava.library.path={library}",
                *("-cp", f"{library}/*", _MAIN, "-inMemory", "-disableTelemetry"),
                *("-port", str(port)),
            ],
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    deadline = time.monotonic() + _STARTED_WITHIN_S
    while True:
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise NoServerError(f"it does not start: {log.read_text()[-500:]}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return process.pid, port
        except OSError:
            time.sleep(0.1)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _tidy_up(users: Path, known: Path) -> None:
    """Wait until no test process is left, then stop the server."""
    with _locked(users), _locked(known.with_suffix(".lock")):
        pid, _ = map(int, known.read_text().split())
        known.unlink()
        os.kill(pid, 9)


# -- both -----------------------------------------------------------------------------


@contextmanager
def credentials() -> Iterator[None]:
    """Credentials that both stand-ins take, in this process's environment."""
    from songid_plugins.aws_clients import forget_clients

    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"):
            patch.delenv(name, raising=False)
        for name, value in environment("").items():
            if value:
                patch.setenv(name, value)
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        forget_clients()
        yield
    forget_clients()


@functools.cache
def client_of(endpoint: str, whose: str = "") -> Any:
    """Somebody's own client, made as songid makes them, into which a test may hook."""
    from songid_plugins import aws_clients

    aws_clients.forget_clients()
    client = aws_clients.client("dynamodb", endpoint=endpoint)
    aws_clients.forget_clients()
    return client


def store_url(endpoint: str, table: str, **options: object) -> str:
    """The URL of a store in a table at `endpoint`."""
    return f"dynamodb://{table}?{urlencode({'endpoint': endpoint, **options})}"


# -- what requests cost ---------------------------------------------------------------

READS = frozenset({"GetItem", "BatchGetItem", "Query", "Scan"})
_NOT_COUNTED = frozenset({"CreateTable", "DescribeTable"})


@dataclass
class Units:
    """Capacity units and requests, by operation, as the service says it counted them."""

    units: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)

    @property
    def read(self) -> float:
        """Read units."""
        return sum(units for operation, units in self.units.items() if operation in READS)

    @property
    def written(self) -> float:
        """Write units."""
        return sum(units for operation, units in self.units.items() if operation not in READS)

    def __str__(self) -> str:
        each = ", ".join(
            f"{operation} {self.units[operation]:g} in {count}"
            for operation, count in sorted(self.requests.items())
        )
        return f"{self.read:g} read, {self.written:g} written ({each})"


@contextmanager
def counting(client: Any) -> Iterator[Units]:
    """Count what the client's requests consume meanwhile."""
    told = Units()
    lock = threading.Lock()

    def ask(params: dict[str, Any], model: Any, **_: Any) -> dict[str, Any]:
        if "ReturnConsumedCapacity" in model.input_shape.members:
            return {**params, "ReturnConsumedCapacity": "TOTAL"}
        return params

    def add(parsed: dict[str, Any], model: Any, **_: Any) -> None:
        consumed = parsed.get("ConsumedCapacity", [])
        with lock:
            told.requests[model.name] += 1
            for each in consumed if isinstance(consumed, list) else [consumed]:
                told.units[model.name] += each["CapacityUnits"]

    events = client.meta.events
    events.register("provide-client-params.dynamodb", ask)
    events.register("after-call.dynamodb", add)
    try:
        yield told
    finally:
        events.unregister("provide-client-params.dynamodb", ask)
        events.unregister("after-call.dynamodb", add)


# -- trouble --------------------------------------------------------------------------


class Killed(BaseException):
    """The process is dead: nothing in it runs any more."""


@contextmanager
def killed_at(client: Any, request: int) -> Iterator[Counter[str]]:
    """Kill whoever uses the client before a request, counted from 1, is sent.

    What the service knows then is the same as if the answer to the last one were still
    under way. Gives the requests that were sent, by operation.
    """
    sent: Counter[str] = Counter()
    lock = threading.Lock()

    last = request - 1

    def send(request: Any, **_: Any) -> None:
        with lock:
            if sent.total() >= last:
                raise Killed
            sent[request.headers["X-Amz-Target"].decode().partition(".")[2]] += 1

    client.meta.events.register_first("before-send.dynamodb", send)
    try:
        yield sent
    finally:
        client.meta.events.unregister("before-send.dynamodb", send)


@contextmanager
def unheard(client: Any, operation: str, times: int = 1) -> Iterator[None]:
    """Lose the answers to the client's first requests of a kind, which the service served."""
    from botocore.exceptions import ConnectionClosedError

    lost = 0

    def receive(**_: Any) -> None:
        nonlocal lost
        if lost < times:
            lost += 1
            raise ConnectionClosedError(endpoint_url="the service")

    event = f"response-received.dynamodb.{operation}"
    client.meta.events.register_first(event, receive)
    try:
        yield
    finally:
        client.meta.events.unregister(event, receive)
    assert lost == times


@contextmanager
def meanwhile(client: Any, operation: str, work: Callable[[], None]) -> Iterator[None]:
    """Do something else just before the client's first request of a kind is sent."""
    waiting = [work]

    def send(**_: Any) -> None:
        if waiting:
            waiting.pop()()

    client.meta.events.register_first(f"before-send.dynamodb.{operation}", send)
    try:
        yield
    finally:
        client.meta.events.unregister(f"before-send.dynamodb.{operation}", send)


@contextmanager
def refusing(
    client: Any, refuses: Callable[[int, dict[str, Any]], tuple[int, dict[str, Any]] | None]
) -> Iterator[Counter[str]]:
    """Answer requests in the service's place, without pauses of the SDK's own.

    `refuses(number, body)` gives status and answer, or None for a request to be served.
    Gives the requests that were refused, by operation.
    """
    from botocore.awsrequest import AWSResponse
    from cloud_material import _Raw

    count = 0
    refused: Counter[str] = Counter()
    lock = threading.Lock()

    def send(request: Any, **_: Any) -> Any:
        nonlocal count
        with lock:
            count += 1
            number = count
        answer = refuses(number, json.loads(request.body))
        if answer is None:
            return None
        refused[request.headers["X-Amz-Target"].decode().partition(".")[2]] += 1
        status, body = answer
        return AWSResponse(request.url, status, {}, _Raw(json.dumps(body).encode()))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
        client.meta.events.register_first("before-send.dynamodb", send)
        try:
            yield refused
        finally:
            client.meta.events.unregister("before-send.dynamodb", send)


THROTTLED = 400, {"__type": "ThrottlingException", "message": "Rate exceeded"}


if __name__ == "__main__":
    _tidy_up(Path(sys.argv[1]), Path(sys.argv[2]))
