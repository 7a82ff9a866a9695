"""A Lambda Runtime API on this machine, for the real runtime client to be run against.

It hands out invocations and takes their answers as the service does; see "Using the Lambda
runtime API for custom runtimes" in the Lambda developer guide.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_VERSION = "/2018-06-01/runtime"
_ARN = "arn:aws:lambda:eu-west-1:111122223333:function:songid-test"


@dataclass
class Outcome:
    """What a runtime gave back for an invocation: an answer, an error, or death."""

    answer: Any = None
    error: dict[str, Any] | None = None
    exit_code: int | None = None


@dataclass
class _Invocation:
    event: Any
    timeout_s: float
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    done: queue.Queue[Outcome] = field(default_factory=queue.Queue)


class RuntimeAPI:
    """The service's side: `invoke` waits for what the runtime answers."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[_Invocation] = queue.Queue()
        self._begun: dict[str, _Invocation] = {}
        self.init_error: dict[str, Any] | None = None
        self.ready = threading.Event()
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                assert self.path == f"{_VERSION}/invocation/next", self.path
                api.ready.set()
                invocation = api._waiting.get()
                api._begun[invocation.request_id] = invocation
                body = json.dumps(invocation.event).encode()
                deadline_ms = int((time.time() + invocation.timeout_s) * 1000)
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", invocation.request_id)
                self.send_header("Lambda-Runtime-Deadline-Ms", str(deadline_ms))
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", _ARN)
                self.send_header(
                    "Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700"
                )
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                document = json.loads(body) if body else None
                *_, request_id, what = self.path.removeprefix(_VERSION).split("/")
                if self.path == f"{_VERSION}/init/error":
                    api.init_error = document
                    api.ready.set()
                elif what == "response":
                    api._begun.pop(request_id).done.put(Outcome(answer=document))
                elif what == "error":
                    api._begun.pop(request_id).done.put(Outcome(error=document))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *arguments: Any) -> None:
                """Nothing is logged."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A runtime that is killed leaves in the middle of whatever it said."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def begin(self, event: Any, timeout_s: float) -> _Invocation:
        """Give an event to whichever runtime asks next."""
        invocation = _Invocation(event, timeout_s)
        self._waiting.put(invocation)
        return invocation

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


class Runtime:
    """A process of the real runtime client that runs songid's handler, with `python`."""

    def __init__(
        self,
        api: RuntimeAPI,
        folder: Path,
        environment: Mapping[str, str],
        python: Sequence[str] = (sys.executable,),
        name: str = "songid-test",
        memory_mb: int = 1769,
    ) -> None:
        self.api = api
        self._output = folder / f"output-{uuid.uuid4().hex[:8]}"
        surroundings = {
            "AWS_LAMBDA_RUNTIME_API": api.address,
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory_mb),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": "2026/03/01/[$LATEST]0",
            "LAMBDA_TASK_ROOT": str(folder),
        }
        self.began = time.monotonic()
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [*python, "-m", "awslambdaric", "songid.lambda_handler.handler"],
                cwd=folder,
                env={**environment, **surroundings},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def invoke(self, event: Any, *, timeout_s: float = 900.0) -> Outcome:
        """Invoke the function; if the process dies of it, the outcome has its exit code."""
        invocation = self.api.begin(event, timeout_s)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                return invocation.done.get(timeout=0.05)
            except queue.Empty:
                code = self.process.poll()
                if code is not None:
                    return Outcome(exit_code=code)
        raise TimeoutError(self.output())

    def output(self) -> str:
        """All that the function wrote so far."""
        return self._output.read_text()

    def lines(self) -> list[dict[str, Any]]:
        """What it wrote, which must be lines of JSON and nothing else."""
        return [json.loads(line) for line in self.output().splitlines()]

    def kill(self) -> None:
        """End the process, as the service does without a word."""
        self.process.kill()
        self.process.wait()


@contextmanager
def runtime(
    folder: Path,
    environment: Mapping[str, str],
    python: Sequence[str] = (sys.executable,),
    *,
    name: str = "songid-test",
    memory_mb: int = 1769,
) -> Iterator[Runtime]:
    """A function that is up (or has failed to start), until the block ends."""
    api = RuntimeAPI()
    made = Runtime(api, folder, environment, python, name, memory_mb)
    try:
        while not api.ready.wait(0.02):
            assert made.process.poll() is None, made.output()
        yield made
    finally:
        made.kill()
        api.close()
