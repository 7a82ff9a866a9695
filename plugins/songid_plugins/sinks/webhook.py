"""The sink `https://host/path?secret_env=NAME`: each event is posted there, signed.

The names `secret`, `secret_env`, `timeout_s` and `retry_s` in the query are songid's; all
else of the URL is the receiver's, and called as it is written.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import os
import random
import ssl
import threading
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import quote, unquote, urlsplit

from songid import __version__
from songid.documents import compact_json, event_document
from songid.errors import PluginError, SinkError
from songid.interfaces import Sink
from songid.model import ComponentURL, Event

OPTIONS = ("secret", "secret_env", "timeout_s", "retry_s")
TIMEOUT_S = 10.0
RETRY_S = 30.0
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 8.0
_AGAIN_LATER = {408, 425, 429}
_LONGEST_ANSWER_BYTES = 65_536
_SHOWN_CHARACTERS = 200
# What may stand in a header: printable ASCII, less the sign of the encoding itself.
_PLAIN = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != "%")


def open_sink(url: ComponentURL) -> Sink:
    """Open the sink that posts to the URL; nothing is sent before the first event.

    Options: `secret` signs the requests, or `secret_env` names an environment variable that
    holds the secret; `timeout_s` (10) without a byte are too long; for `retry_s` (30) a
    request is tried again that the receiver could not take. A parameter of the receiver's
    own that has one of these names is told apart by one letter's percent code: `%73ecret=x`.
    """
    parts = urlsplit(url.text)
    own: dict[str, str] = {}
    passed_on = []
    for piece in parts.query.split("&"):
        name, _, value = piece.partition("=")
        if name in OPTIONS:
            own[name] = unquote(value)  # not as a form: a secret may hold a plus
        else:
            passed_on.append(piece)
    try:
        host, port = (parts.hostname or "").encode("idna").decode(), parts.port
    except ValueError as error:
        raise PluginError(f"{url}: the host or port makes no sense: {error}.") from None
    if not host or parts.fragment:
        raise PluginError(f"{url}: name a host, and no #, as in https://example.org/songid.")
    path = quote(parts.path or "/", safe="/%!$&'()*+,;=:@~")
    query = quote("&".join(passed_on), safe="/%!$&'()*+,;=:@~?")
    return WebhookSink(
        Receiver(
            encrypted=url.scheme == "https",
            host=host,
            port=port,
            target=f"{path}?{query}" if query else path,
            headers=_authorization(parts.username, parts.password),
        ),
        _secret(url, own),
        timeout_s=_seconds(url, own, "timeout_s", TIMEOUT_S),
        retry_s=_seconds(url, own, "retry_s", RETRY_S),
    )


def _secret(url: ComponentURL, own: dict[str, str]) -> bytes:
    variable = own.get("secret_env", "")
    if bool(variable) == bool(own.get("secret")):
        raise PluginError(
            f"{url}: say what its requests are signed with: either secret_env=NAME, the name of"
            " an environment variable (not SONGID_...: those are settings), or secret=..."
        )
    secret = os.environ.get(variable, "") if variable else own["secret"]
    if not secret:
        raise PluginError(f"{url}: the environment variable {variable} is not set, or empty.")
    return secret.encode()


def _seconds(url: ComponentURL, own: dict[str, str], name: str, default: float) -> float:
    text = own.get(name, str(default))
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    least = 0.0 if name == "retry_s" else 0.01
    if not least <= seconds <= 3600:
        raise PluginError(
            f"{url}: {name}={text} is no number of seconds between {least:g} and 3600."
        )
    return seconds


def _authorization(user: str | None, password: str | None) -> dict[str, str]:
    if user is None:
        return {}
    pair = f"{unquote(user)}:{unquote(password or '')}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def signature(secret: bytes, body: bytes, at_s: int) -> str:
    """The header `X-Songid-Signature` of a body sent at a time, in seconds since 1970 UTC."""
    signed = hmac.new(secret, b"%d." % at_s + body, hashlib.sha256)
    return f"t={at_s},v1={signed.hexdigest()}"


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where to post; `target` is path and query, `headers` are sent with every request."""

    encrypted: bool
    host: str
    port: int | None
    target: str
    headers: dict[str, str]

    def __str__(self) -> str:
        """Where to post, less its query and user, which may be secret."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        path = self.target.partition("?")[0]
        return f"{'https' if self.encrypted else 'http'}://{host}{port}{path}"


class _Later(Exception):
    """What may go better next time; `wait_s` is how long the receiver asks for, if it does."""

    def __init__(self, why: str, wait_s: float | None = None) -> None:
        super().__init__(why)
        self.wait_s = wait_s


class WebhookSink:
    """A `songid.interfaces.Sink` that posts over connections it keeps; safe from threads."""

    def __init__(
        self, receiver: Receiver, secret: bytes, *, timeout_s: float, retry_s: float
    ) -> None:
        self._receiver = receiver
        self._secret = secret
        self._timeout_s = timeout_s
        self._retry_s = retry_s
        self._lock = threading.Lock()
        self._idle: list[http.client.HTTPConnection] = []
        self._closed = threading.Event()
        self._trusted = ssl.create_default_context() if receiver.encrypted else None

    def send(self, event: Event) -> None:
        """Post the event; SinkError if the receiver does not take it within `retry_s`."""
        body = compact_json(event_document(event)).encode()
        event_id = quote(event.event_id.encode("utf-8", "surrogatepass"), safe=_PLAIN)
        until = time.monotonic() + self._retry_s
        longest_s = _FIRST_WAIT_S
        while True:
            try:
                self._post(body, event_id)
            except _Later as later:
                # Spread, so that many who failed together do not come back together.
                wait_s = later.wait_s or random.uniform(longest_s / 2, longest_s)
                longest_s = min(2 * longest_s, _LONGEST_WAIT_S)
                too_late = time.monotonic() + wait_s > until
                if too_late or self._closed.wait(wait_s):
                    raise SinkError(f"{self._receiver}: {later}") from later.__cause__
            else:
                return

    def close(self) -> None:
        """Close the connections; a request that waits to be tried again gives up."""
        self._closed.set()
        self._drop_idle()

    # -- one request ------------------------------------------------------------------

    def _post(self, body: bytes, event_id: str) -> None:
        connection, kept = self._connection()
        try:
            response = self._exchange(connection, body, event_id)
            # Only the receiver's word counts: once it said yes, the event is delivered.
            answer = _answer(response)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            if isinstance(error, ssl.SSLCertVerificationError):
                raise SinkError(f"{self._receiver}: {error.verify_message}") from error
            if isinstance(error, TimeoutError):
                raise _Later(f"no answer within {self._timeout_s:g} s") from error
            if not kept:
                raise _Later(str(error) or type(error).__name__) from error
            # It was closed while it lay idle, as all the others may have been.
            self._drop_idle()
            self._post(body, event_id)
            return
        if response.will_close or not response.isclosed():
            connection.close()
        else:
            self._keep(connection)
        self._judge(response, answer)

    def _exchange(
        self, connection: http.client.HTTPConnection, body: bytes, event_id: str
    ) -> http.client.HTTPResponse:
        headers = {
            **self._receiver.headers,
            "Content-Type": "application/json",
            "User-Agent": f"songid/{__version__}",
            "X-Songid-Event-Id": event_id,
            "X-Songid-Signature": signature(self._secret, body, int(time.time())),
        }
        connection.request("POST", self._receiver.target, body, headers)
        return connection.getresponse()

    def _judge(self, response: http.client.HTTPResponse, answer: str) -> None:
        """Return if it was taken; _Later or SinkError if not."""
        status = response.status
        if 200 <= status < 300:
            return
        said = f"it answered {status} {response.reason}".rstrip() + (
            f": {answer}" if answer else ""
        )
        if status in _AGAIN_LATER or status >= 500:
            raise _Later(said, _retry_after_s(response.headers.get("Retry-After", "")))
        if 300 <= status < 400:
            to = response.headers.get("Location", "elsewhere").partition("?")[0]
            said = f"it answered {status}, that it moved to {to}; set the sink to where it is now"
        raise SinkError(f"{self._receiver}: {said}")

    # -- connections ------------------------------------------------------------------

    def _connection(self) -> tuple[http.client.HTTPConnection, bool]:
        """A connection, and whether it was used before."""
        with self._lock:
            if self._idle:
                return self._idle.pop(), True
        receiver, timeout_s = self._receiver, self._timeout_s
        if self._trusted is None:
            return http.client.HTTPConnection(receiver.host, receiver.port, timeout_s), False
        return (
            http.client.HTTPSConnection(
                receiver.host, receiver.port, timeout=timeout_s, context=self._trusted
            ),
            False,
        )

    def _keep(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            if not self._closed.is_set():
                self._idle.append(connection)
                return
        connection.close()

    def _drop_idle(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()


def _answer(response: http.client.HTTPResponse) -> str:
    """The start of what was answered, as one line."""
    try:
        body = response.read(_LONGEST_ANSWER_BYTES)
    except (OSError, http.client.HTTPException):
        response.will_close = True
        body = b""
    text = " ".join(body.decode("utf-8", "replace").split())
    printable = "".join(letter for letter in text if letter.isprintable())
    return printable[:_SHOWN_CHARACTERS]


def _retry_after_s(text: str) -> float | None:
    """`Retry-After`: seconds or a date (RFC 9110, 10.2.3); None if it is neither."""
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
