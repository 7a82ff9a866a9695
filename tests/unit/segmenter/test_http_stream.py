from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from stream_material import Mount, StreamServer, packets, silent_port, stream_server

from songid.segmenter.http_stream import StreamError, ask, without_login


@pytest.fixture
def server() -> Iterator[StreamServer]:
    with stream_server() as started:
        yield started


@contextmanager
def answering(content: bytes) -> Iterator[str]:
    """A server that says `content` to whoever asks, whatever is asked; its URL."""
    with closing(silent_port()) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with closing(connection):
                connection.recv(4096)
                connection.sendall(content)

        threading.Thread(target=answer, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


def body_of(url: str) -> bytes:
    response = ask(url, timeout_s=2.0)
    with closing(response.body) as body:
        data = b""
        while more := body.read(1000):
            data += more
        return data


def test_redirects_are_followed_and_relative_ones_too(server: StreamServer) -> None:
    server.files["/a"] = "/b"
    server.files["/b"] = server.url("/c")
    server.files["/c"] = ("audio/mpeg", b"sound")
    response = ask(server.url("/a"), timeout_s=2.0)
    with closing(response.body):
        assert response.url == server.url("/c")
        assert response.media_type == "audio/mpeg"
        assert response.body.head(3) == b"sou"
        assert response.body.read(100) == b"sou"
        assert response.body.read(100) == b"nd"
        assert response.body.read(100) == b""


def test_a_circle_of_redirects_ends(server: StreamServer) -> None:
    server.files["/a"] = "/a"
    with pytest.raises(StreamError, match="redirects more than 8 times"):
        ask(server.url("/a"), timeout_s=2.0)


def test_shoutcasts_own_status_line_is_understood() -> None:
    answer = b"ICY 200 OK\r\nicy-name: One\r\nicy-metaint: 8192\r\n\r\nsound"
    with answering(answer) as url:
        response = ask(url, timeout_s=2.0)
        with closing(response.body) as body:
            assert response.titles_every_bytes == 8192
            assert body.read(10) == b"sound"


def test_a_body_in_chunks_is_put_together() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with answering(head + b"4\r\nwhol\r\n2;x=y\r\ne \r\n5\r\nsound\r\n0\r\n\r\n") as url:
        assert body_of(url) == b"whole sound"


def test_user_and_password_are_sent_and_never_shown(server: StreamServer) -> None:
    mount = server.mounts["/live"] = Mount(packets("mp3", 10.0))
    url = server.url("/live", login="me:p%40ss") + "?token=secret"
    assert "secret" not in without_login(url) and "p%40ss" not in without_login(url)
    server.mounts["/live?token=secret"] = mount
    ask(url, timeout_s=2.0).body.close()
    (request,) = mount.requests
    assert f"Authorization: Basic {base64.b64encode(b'me:p@ss').decode()}\r\n" in request
    assert "Icy-MetaData: 1\r\n" in request
    assert "User-Agent: songid/" in request
    assert "@" not in request


def test_a_password_does_not_follow_a_redirect_to_another_host(server: StreamServer) -> None:
    mount = server.mounts["/live"] = Mount(packets("mp3", 10.0))
    elsewhere = server.url("/live").replace("127.0.0.1", "localhost")
    server.files["/here"] = "/live"
    server.files["/there"] = elsewhere
    ask(server.url("/here", login="me:pw"), timeout_s=2.0).body.close()
    ask(server.url("/there", login="me:pw"), timeout_s=2.0).body.close()
    assert ["Authorization" in request for request in mount.requests] == [True, False]


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "HTTP 404 Not Found"),
        (b"HTTP/1.1 503\r\n\r\n", "HTTP 503 Service Unavailable"),
        (b"ICY 401 Service Unavailable\r\n\r\n", "HTTP 401 Service Unavailable (see to user"),
        (b"SSH-2.0-OpenSSH\r\n", "neither HTTP nor Shoutcast"),
        (b"", "closed the connection without an answer"),
        (b"HTTP/1.1 302 Found\r\nLocation: ftp://x/y\r\n\r\n", "ftp://x/y, which is no web"),
        (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 200, "no proper answer"),
    ],
)
def test_every_refusal_has_a_cause(answer: bytes, cause: str) -> None:
    with answering(answer) as url, pytest.raises(StreamError) as refused:
        ask(url, timeout_s=2.0)
    assert cause in str(refused.value)


def test_a_port_where_nobody_listens_refuses() -> None:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(StreamError, match=r"^connection refused$"):
        ask(f"http://127.0.0.1:{port}/", timeout_s=2.0)


def test_a_host_that_is_not_there_is_not_known() -> None:
    with pytest.raises(StreamError, match=r"the host nowhere\.invalid is not known"):
        ask("http://nowhere.invalid/", timeout_s=5.0)


@pytest.mark.parametrize("url", ["http:///x", "http://h:port/", "http://127.0.0.1:99999/"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(StreamError):
        ask(url, timeout_s=2.0)


def test_waiting_has_an_end_for_answers_and_for_data() -> None:
    with closing(silent_port()) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with pytest.raises(StreamError, match=r"no answer for 0\.2 s"):
            ask(url, timeout_s=0.2)
    with stream_server() as server:
        server.mounts["/live"] = Mount(packets("mp3", 10.0), faults=["hang 0"])
        body = ask(server.url("/live"), timeout_s=0.2).body
        with closing(body), pytest.raises(StreamError, match=r"no data for 0\.2 s"):
            while body.read(1 << 16):
                pass


def test_a_plain_answer_where_tls_is_spoken_is_told() -> None:
    with answering(b"HTTP/1.1 200 OK\r\n\r\n") as url, pytest.raises(StreamError) as refused:
        ask(url.replace("http:", "https:"), timeout_s=2.0)
    assert "no connection: " in str(refused.value)
