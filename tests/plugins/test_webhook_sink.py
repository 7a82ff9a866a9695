"""The webhook, against a receiver of the test's own that checks signatures as receivers should."""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from songid.errors import PluginError, SinkError
from songid.interfaces import Sink
from songid.model import ComponentURL
from songid.plugin_manager import load
from songid.testing.sinks import SinkConformance, event
from songid_plugins.sinks import webhook
from songid_plugins.sinks.webhook import open_sink

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
SECRET = "s+cr t/="
IN_URL = "secret=s+cr%20t/%3D"


def is_genuine_of_the_readme() -> Callable[[str, bytes, bytes], bool]:
    """The function that README shows to those who write receivers."""
    (code,) = re.findall(r"```python\n(.*?)```", README, re.S)
    names: dict[str, Any] = {}
    exec(code, names)  # it is ours
    return names["is_genuine"]  # type: ignore[no-any-return]  # what README says it is


is_genuine = is_genuine_of_the_readme()


@dataclass
class Request:
    """What arrived, and over which connection (its client's port)."""

    path: str
    headers: dict[str, str]
    body: bytes
    connection: int
    at: float


@dataclass
class Answer:
    """How the receiver answers; `dies` says when it cuts the connection, if at all."""

    status: int = 200
    body: bytes = b"ok"
    headers: dict[str, str] = field(default_factory=dict)
    dies: str = ""
    pause_s: float = 0.0


class Receiver:
    """An HTTP server that keeps what it is sent, and answers as it is told, 200 in the end."""

    def __init__(self, context: ssl.SSLContext | None, port: int) -> None:
        self.requests: list[Request] = []
        self.answers: list[Answer] = []
        self._connections: list[socket.socket] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self.scheme = "https" if context else "http"
        if context:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def url(self, path: str = "/hook", **options: object) -> ComponentURL:
        query = "&".join([IN_URL, *(f"{name}={value}" for name, value in options.items())])
        mark = "&" if "?" in path else "?"
        return ComponentURL.parse(f"{self.scheme}://localhost:{self.port}{path}{mark}{query}")

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        for connection in self._connections:
            with suppress(OSError):  # it is closed already
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # The answer goes out in one piece, or the last of it waits for an acknowledgement.
            wbufsize = -1

            def setup(self) -> None:
                super().setup()
                receiver._connections.append(self.connection)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                port = self.client_address[1]
                headers = dict(self.headers.items())
                receiver.requests.append(Request(self.path, headers, body, port, time.time()))
                answer = receiver.answers.pop(0) if receiver.answers else Answer()
                time.sleep(answer.pause_s)
                if answer.dies in ("at once", "within the first line"):
                    self.wfile.write(b"HTTP/1.1 2" if "line" in answer.dies else b"")
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                more = 100 if answer.dies == "within the body" else 0
                self.send_header("Content-Length", str(len(answer.body) + more))
                self.end_headers()
                self.wfile.write(answer.body)
                if answer.dies:
                    self.close_connection = True

            def log_message(self, *arguments: object) -> None:
                """Say nothing."""

        return Handler


@contextmanager
def running(context: ssl.SSLContext | None = None, port: int = 0) -> Iterator[Receiver]:
    receiver = Receiver(context, port)
    try:
        yield receiver
    finally:
        receiver.stop()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running() as receiver:
        yield receiver


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits as short as tests can use."""
    monkeypatch.setattr(webhook, "_FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(webhook, "_LONGEST_WAIT_S", 0.04)


@contextmanager
def opened(receiver: Receiver, path: str = "/hook", **options: object) -> Iterator[Sink]:
    sink = open_sink(receiver.url(path, **options))
    yield sink
    sink.close()


class TestWebhook(SinkConformance):
    drops_repeats = False
    keeps_order = True

    @pytest.fixture(autouse=True)
    def receiving(self, receiver: Receiver) -> None:
        self.receiver = receiver

    def open_sink(self, place: Path) -> Sink:
        return open_sink(self.receiver.url(f"/{place.name}"))

    def delivered(self, place: Path) -> list[dict[str, Any]]:
        assert all(genuine(request) for request in self.receiver.requests)
        return [json.loads(request.body) for request in self.receiver.requests]


def genuine(request: Request, secret: str = SECRET) -> bool:
    return is_genuine(request.headers["X-Songid-Signature"], request.body, secret.encode())


# -- what is sent -----------------------------------------------------------------------


def test_the_request_is_signed_and_says_what_it_is(receiver: Receiver) -> None:
    with opened(receiver) as sink:
        sink.send(event())
    (request,) = receiver.requests
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["X-Songid-Event-Id"] == "play:1"
    assert request.headers["User-Agent"].startswith("songid/")
    assert re.fullmatch(r"t=\d{10},v1=[0-9a-f]{64}", request.headers["X-Songid-Signature"])
    assert genuine(request)
    assert not genuine(request, "another")


def test_what_was_tampered_with_or_is_old_is_told_by_its_signature(receiver: Receiver) -> None:
    with opened(receiver) as sink:
        sink.send(event())
    (request,) = receiver.requests
    signature = request.headers["X-Songid-Signature"]
    assert not is_genuine(signature, request.body + b" ", SECRET.encode())
    old = webhook.signature(SECRET.encode(), request.body, int(time.time()) - 3600)
    assert not is_genuine(old, request.body, SECRET.encode())
    later = re.sub(r"t=\d+", f"t={int(time.time()) + 1}", signature)
    assert not is_genuine(later, request.body, SECRET.encode())


def test_only_songids_own_options_are_taken_out_of_the_url(receiver: Receiver) -> None:
    path = "/a%20b/ü?x=%2B+1&timeout_s=3&&y&%73ecret=theirs&secrets=z"
    with opened(receiver, path, retry_s=1) as sink:
        sink.send(event())
    (request,) = receiver.requests
    assert request.path == "/a%20b/%C3%BC?x=%2B+1&&y&%73ecret=theirs&secrets=z"
    assert SECRET not in str(request)


def test_the_secret_may_be_in_the_environment(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", "from the environment")
    url = f"http://localhost:{receiver.port}/hook?secret_env=HOOK_SECRET"
    sink = load().open("sinks", url)
    sink.send(event())
    sink.close()
    (request,) = receiver.requests
    assert request.path == "/hook"
    assert genuine(request, "from the environment")


def test_user_and_password_of_the_url_are_sent_as_basic_authorization(receiver: Receiver) -> None:
    url = f"http://me:p%40ss@localhost:{receiver.port}?secret=x"
    sink = open_sink(ComponentURL.parse(url))
    sink.send(event())
    sink.close()
    (request,) = receiver.requests
    assert request.path == "/"
    assert request.headers["Authorization"] == "Basic bWU6cEBzcw=="


def test_a_connection_is_kept_and_used_again(receiver: Receiver) -> None:
    with opened(receiver) as sink:
        for number in range(5):
            sink.send(event(number))
    assert len({request.connection for request in receiver.requests}) == 1


def test_a_long_answer_is_not_read_to_its_end(receiver: Receiver) -> None:
    receiver.answers = [Answer(body=b"x" * 1_000_000)]
    with opened(receiver) as sink:
        sink.send(event(1))
        sink.send(event(2))
    assert len({request.connection for request in receiver.requests}) == 2


# -- what goes wrong --------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_receiver_that_cannot_take_it_now_is_tried_again(receiver: Receiver, status: int) -> None:
    receiver.answers = [Answer(status), Answer(status)]
    with opened(receiver) as sink:
        sink.send(event())
    assert len(receiver.requests) == 3
    assert len({request.body for request in receiver.requests}) == 1
    assert all(genuine(request) for request in receiver.requests)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 422])
def test_a_receiver_that_will_not_take_it_is_not_asked_again(
    receiver: Receiver, status: int
) -> None:
    receiver.answers = [Answer(status, b"the\nreason\x1b[0m " + b"and more " * 100)]
    with opened(receiver) as sink, pytest.raises(SinkError) as raised:
        sink.send(event())
    assert len(receiver.requests) == 1
    said = str(raised.value)
    assert said.startswith(f"http://localhost:{receiver.port}/hook: it answered {status} ")
    assert "the reason[0m and more" in said
    assert len(said) < 320


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_told_and_not_followed(receiver: Receiver, status: int) -> None:
    receiver.answers = [Answer(status, headers={"Location": "/elsewhere?token=abc"})]
    with opened(receiver) as sink, pytest.raises(SinkError, match="moved to /elsewhere;") as raised:
        sink.send(event())
    assert [request.path for request in receiver.requests] == ["/hook"]
    assert "abc" not in str(raised.value)


@pytest.mark.parametrize("dies", ["at once", "within the first line"])
def test_a_receiver_that_dies_before_its_answer_is_tried_again(
    receiver: Receiver, dies: str
) -> None:
    receiver.answers = [Answer(dies=dies), Answer(), Answer(dies=dies), Answer()]
    with opened(receiver) as sink:
        sink.send(event(1))
        sink.send(event(2))
    ids = [request.headers["X-Songid-Event-Id"] for request in receiver.requests]
    assert ids == ["play:1", "play:1", "play:2", "play:2"]


def test_an_answer_that_breaks_off_after_its_yes_is_a_yes(receiver: Receiver) -> None:
    receiver.answers = [Answer(dies="within the body")]
    with opened(receiver) as sink:
        sink.send(event(1))
        sink.send(event(2))
    assert len(receiver.requests) == 2


def test_what_comes_while_the_receiver_restarts_is_delivered_afterwards() -> None:
    with running() as first, opened(first, retry_s=10) as sink:
        sink.send(event(1))
        first.stop()
        sending = threading.Thread(target=sink.send, args=(event(2),))
        sending.start()
        time.sleep(0.2)
        with running(port=first.port) as second:
            sending.join(10)
    assert [json.loads(each.body)["event_id"] for each in first.requests] == ["play:1"]
    assert [json.loads(each.body)["event_id"] for each in second.requests] == ["play:2"]


def test_it_gives_up_in_time_and_says_what_was_answered(receiver: Receiver) -> None:
    receiver.answers = [Answer(503, b"we are closed") for _ in range(1000)]
    began = time.monotonic()
    with (
        opened(receiver, retry_s=0.3) as sink,
        pytest.raises(SinkError, match="503 Service Unavailable: we are closed"),
    ):
        sink.send(event())
    assert time.monotonic() - began < 20
    assert len(receiver.requests) > 3


def test_nobody_there_is_an_error_that_names_the_receiver_but_no_secret() -> None:
    sink = open_sink(ComponentURL.parse("http://u:pw@localhost:9/hook?secret=abc&retry_s=0.05"))
    with pytest.raises(SinkError, match=r"http://localhost:9/hook: .*refused") as raised:
        sink.send(event())
    assert not re.search("abc|pw", str(raised.value))


def test_silence_is_waited_for_no_longer_than_the_timeout(receiver: Receiver) -> None:
    receiver.answers = [Answer(pause_s=2.0)]
    with opened(receiver, timeout_s=0.4) as sink:
        sink.send(event())
    assert len(receiver.requests) >= 2
    receiver.answers = [Answer(pause_s=1.0)]
    with (
        opened(receiver, timeout_s=0.1, retry_s=0) as sink,
        pytest.raises(SinkError, match=r"no answer within 0\.1 s"),
    ):
        sink.send(event())


def http_date(in_s: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=in_s), usegmt=True)


@pytest.mark.parametrize("wait", [lambda: "1", lambda: http_date(2)])
def test_the_receiver_says_when_to_come_again(receiver: Receiver, wait: Callable[[], str]) -> None:
    receiver.answers = [Answer(429, headers={"Retry-After": wait()})]
    with opened(receiver) as sink:
        sink.send(event())
    first, second = receiver.requests
    assert second.at - first.at > 0.9


def test_a_receiver_that_wants_to_be_left_alone_for_long_is_left_alone(receiver: Receiver) -> None:
    receiver.answers = [Answer(503, headers={"Retry-After": "600"})]
    began = time.monotonic()
    with opened(receiver) as sink, pytest.raises(SinkError, match="503"):
        sink.send(event())
    assert time.monotonic() - began < 20
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("text", ["soon", "", "-1", "Tue, 99 Foo 2026 00:00:00 GMT"])
def test_a_retry_after_that_makes_no_sense_is_passed_over(receiver: Receiver, text: str) -> None:
    receiver.answers = [Answer(503, headers={"Retry-After": text})]
    with opened(receiver) as sink:
        sink.send(event())
    assert len(receiver.requests) == 2


def test_closing_ends_the_wait(receiver: Receiver) -> None:
    receiver.answers = [Answer(503, headers={"Retry-After": "20"})]
    sink = open_sink(receiver.url())
    threading.Timer(0.2, sink.close).start()
    began = time.monotonic()
    with pytest.raises(SinkError):
        sink.send(event())
    assert time.monotonic() - began < 15


# -- TLS --------------------------------------------------------------------------------


def certificate(folder: Path) -> Path:
    """A certificate for localhost that vouches for itself, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "localhost.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


def test_https_is_spoken_with_whom_the_system_trusts_and_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with running(context) as receiver:
        with opened(receiver) as stranger, pytest.raises(SinkError, match=r"self.signed"):
            stranger.send(event())
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        with opened(receiver) as sink:
            sink.send(event(1))
            sink.send(event(2))
        assert [genuine(request) for request in receiver.requests] == [True, True]


# -- URLs -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("https://h/hook", "secret_env=NAME"),
        ("https://h/hook?secert=abc", "secret_env=NAME"),
        ("https://h/hook?secret=", "secret_env=NAME"),
        ("https://h/hook?secret=abc&secret_env=HOME", "either"),
        ("https://h/hook?secret_env=NO_SUCH_VARIABLE", "NO_SUCH_VARIABLE is not set"),
        ("https:///hook?secret=abc", "name a host"),
        ("https:hook?secret=abc", "name a host"),
        ("https://h/hook?secret=abc#x", "no #"),
        ("https://h:port/?secret=abc", "port makes no sense"),
        ("https://h/?secret=abc&timeout_s=0", "timeout_s=0"),
        ("https://h/?secret=abc&timeout_s=soon", "timeout_s=soon"),
        ("https://h/?secret=abc&retry_s=nan", "retry_s=nan"),
    ],
)
def test_a_url_that_makes_no_sense_says_what_to_write_and_no_secret(text: str, said: str) -> None:
    with pytest.raises(PluginError, match=said) as raised:
        open_sink(ComponentURL.parse(text))
    if "secert" not in text:  # who can know that it is one
        assert "abc" not in str(raised.value)
