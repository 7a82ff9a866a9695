"""Asks a web server for a stream: redirects, Shoutcast's own status line, true causes.

Written for streams that never end, so that every failure has a name, every wait has an
end, and the titles between the audio (ICY metadata) are seen.
"""

from __future__ import annotations

import base64
import contextlib
import io
import socket
import ssl
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus
from http.client import parse_headers
from typing import cast
from urllib.parse import SplitResult, unquote, urljoin, urlsplit, urlunsplit

from songid import __version__

USER_AGENT = f"songid/{__version__}"
_MOST_REDIRECTS = 8
_LONGEST_LINE = 8192
_READ_BYTES = 1 << 13


class StreamError(Exception):
    """A stream that cannot be had, or not any more; the text is one clause for a gap's note."""


@dataclass(slots=True)
class Response:
    """A server's answer, whose body is read as it comes. `url` is where it was found."""

    url: str
    headers: Message
    body: Body

    @property
    def media_type(self) -> str:
        """The content's type in lower case, without parameters; empty if not stated."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def titles_every_bytes(self) -> int:
        """Bytes of audio between two titles (`icy-metaint`); 0 where there are none."""
        text = self.headers.get("icy-metaint", "0").strip()
        return int(text) if text.isascii() and text.isdigit() else 0


class Body:
    """The bytes behind the headers; b"" at the end, StreamError when they stop coming."""

    def __init__(self, connection: socket.socket, file: io.BufferedReader, headers: Message):
        self._connection = connection
        self._file = file
        self._chunked = headers.get("transfer-encoding", "").strip().lower() == "chunked"
        length = headers.get("content-length", "").strip()
        self._left = int(length) if length.isdigit() and not self._chunked else None
        self._in_chunk = 0
        self._ahead = b""

    def read(self, size: int) -> bytes:
        """What is there, at most `size` bytes; waits for at least one."""
        if self._ahead:
            data, self._ahead = self._ahead[:size], self._ahead[size:]
            return data
        try:
            return self._read_chunk(size) if self._chunked else self._read_plain(size)
        except TimeoutError:
            waited = self._connection.gettimeout()
            raise StreamError(f"no data for {waited:g} s") from None
        except (OSError, ValueError) as error:
            raise StreamError(f"the connection broke: {reason_of(error)}") from error

    def unread(self, data: bytes) -> None:
        """Give back what was looked at."""
        self._ahead = data + self._ahead

    def head(self, size: int) -> bytes:
        """The first `size` bytes, fewer if there are no more; they stay to be read."""
        data = b""
        while len(data) < size and (more := self.read(size - len(data))):
            data += more
        self.unread(data)
        return data

    def close(self) -> None:
        """Close the connection; a read under way in another thread ends."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def _read_plain(self, size: int) -> bytes:
        if self._left is not None:
            size = min(size, self._left)
        data = self._file.read1(size) if size else b""
        if self._left is not None:
            self._left -= len(data)
        return data

    def _read_chunk(self, size: int) -> bytes:
        if not self._in_chunk:
            line = self._file.readline(_LONGEST_LINE).strip() or self._file.readline(_LONGEST_LINE)
            self._in_chunk = int(line.partition(b";")[0] or b"0", 16)
            if not self._in_chunk:
                return b""
        data = self._file.read1(min(size, self._in_chunk))
        self._in_chunk -= len(data)
        return data


def ask(url: str, *, timeout_s: float) -> Response:
    """GET `url`, following redirects; StreamError says why there is no stream there.

    `timeout_s` is the longest wait for the connection, and for each piece of data.
    """
    asked = urlsplit(url)
    login = _login(asked)
    here = url
    for _ in range(_MOST_REDIRECTS):
        parts = urlsplit(here)
        own = _login(parts) or (login if parts.hostname == asked.hostname else "")
        status, reason, headers, body = _ask_once(parts, own, timeout_s)
        location = headers.get("location")
        if status in (301, 302, 303, 307, 308) and location:
            body.close()
            here = urljoin(here, location)
            if urlsplit(here).scheme not in ("http", "https"):
                raise StreamError(f"it redirects to {without_login(here)}, which is no web address")
            continue
        if status != HTTPStatus.OK:
            body.close()
            raise StreamError(_status_clause(status, reason))
        return Response(here, headers, body)
    raise StreamError(f"it redirects more than {_MOST_REDIRECTS} times")


def without_login(url: str) -> str:
    """A URL as it may be shown: without user and password, and without its query's values."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    query = "..." if parts.query else ""
    return urlunsplit((parts.scheme, place, parts.path, query, ""))


def reason_of(error: BaseException) -> str:
    """An operating system's or TLS's error as a clause."""
    text = getattr(error, "strerror", None) or getattr(error, "reason", None) or str(error)
    return str(text).strip(". ") or type(error).__name__


def _status_clause(status: int, reason: str) -> str:
    with contextlib.suppress(ValueError):
        reason = reason or HTTPStatus(status).phrase
    hint = " (see to user and password in the URL)" if status in (401, 403) else ""
    return f"HTTP {status} {reason}".strip() + hint


def _login(parts: SplitResult) -> str:
    if parts.username is None:
        return ""
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return base64.b64encode(pair.encode()).decode()


def _ask_once(parts: SplitResult, login: str, timeout_s: float) -> tuple[int, str, Message, Body]:
    connection = _connected(parts, timeout_s)
    try:
        target = urlunsplit(("", "", parts.path or "/", parts.query, ""))
        lines = [
            f"GET {target} HTTP/1.1",
            f"Host: {parts.netloc.rpartition('@')[2]}",
            f"User-Agent: {USER_AGENT}",
            "Accept: */*",
            "Icy-MetaData: 1",
            "Connection: close",
        ]
        if login:
            lines.append(f"Authorization: Basic {login}")
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("utf-8"))
        file = cast(io.BufferedReader, connection.makefile("rb", _READ_BYTES))
        status, reason = _status(file.readline(_LONGEST_LINE))
        headers: Message = parse_headers(file)
    except TimeoutError:
        connection.close()
        raise StreamError(f"no answer for {timeout_s:g} s") from None
    except StreamError:
        connection.close()
        raise
    except Exception as error:  # parse_headers has its own kinds
        connection.close()
        raise StreamError(f"no proper answer: {reason_of(error)}") from error
    return status, reason, headers, Body(connection, file, headers)


def _connected(parts: SplitResult, timeout_s: float) -> socket.socket:
    host = parts.hostname
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise StreamError("its port is no number from 1 to 65535") from None
    if not host:
        raise StreamError("there is no host in its URL")
    try:
        connection = socket.create_connection((host, port), timeout_s)
        if parts.scheme == "https":
            try:
                context = ssl.create_default_context()
                connection = context.wrap_socket(connection, server_hostname=host)
            except BaseException:
                connection.close()
                raise
    except TimeoutError:
        raise StreamError(f"no connection within {timeout_s:g} s") from None
    except ConnectionRefusedError:
        raise StreamError("connection refused") from None
    except socket.gaierror:
        raise StreamError(f"the host {host} is not known") from None
    except (OSError, UnicodeError) as error:
        raise StreamError(f"no connection: {reason_of(error)}") from error
    return connection


def _status(line: bytes) -> tuple[int, str]:
    """`HTTP/1.1 200 OK`, or `ICY 200 OK` as Shoutcast 1 says."""
    words = line.decode("latin-1").strip().split(None, 2)
    if not line:
        raise StreamError("the server closed the connection without an answer")
    known = words and (words[0].startswith("HTTP/") or words[0] == "ICY")
    if not known or len(words) < 2 or not words[1].isdigit():
        raise StreamError("the answer is neither HTTP nor Shoutcast")
    return int(words[1]), words[2] if len(words) > 2 else ""
