"""A line to a PostgreSQL server that can be cut at any message, with or without its answer."""

from __future__ import annotations

import contextlib
import select
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

SOCKET_NAME = ".s.PGSQL.5432"
_ANSWER_WAIT_S = 0.3


class Cut(StrEnum):
    """How a line is lost when the client has sent something."""

    BEFORE = "before it reaches the server"
    AFTER = "after the server has answered it, but before the client knows"
    UNNOTICED = "before it reaches the server, which does not notice"


@dataclass
class Line:
    """The proxy's socket, what went through, and when to cut.

    `cut_at` counts the client's messages from `begin` on; None cuts nothing.
    """

    folder: Path
    cut_at: int | None = None
    cut: Cut = Cut.BEFORE
    sent: int = 0
    cuts: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    left_open: list[socket.socket] = field(default_factory=list)

    def begin(self, cut_at: int | None = None, cut: Cut = Cut.BEFORE) -> None:
        """Count from now on, and cut once at the message of that number."""
        with self.lock:
            self.sent, self.cuts, self.cut_at, self.cut = 0, 0, cut_at, cut

    def is_to_be_cut(self) -> bool:
        """Count a message of the client's; whether the line is to be cut at it."""
        with self.lock:
            number = self.sent
            self.sent += 1
            if number != self.cut_at:
                return False
            self.cuts += 1
            return True


@contextmanager
def line_to(server: Path) -> Iterator[Line]:
    """A proxy before the server whose socket is in `server`, until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="songid-line-", dir="/tmp"))
    line = Line(folder)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / SOCKET_NAME))
    listener.listen(50)
    accepting = threading.Thread(target=_accept, args=(line, listener, server), daemon=True)
    accepting.start()
    try:
        yield line
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()
        for each in line.left_open:
            each.close()
        shutil.rmtree(folder)


def _accept(line: Line, listener: socket.socket, server: Path) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        upstream = socket.socket(socket.AF_UNIX)
        try:
            upstream.connect(str(server / SOCKET_NAME))
        except OSError:
            client.close()
            upstream.close()
            continue
        threading.Thread(target=_carry, args=(line, client, upstream), daemon=True).start()


def _carry(line: Line, client: socket.socket, upstream: socket.socket) -> None:
    try:
        with client, contextlib.suppress(OSError):
            while True:
                ready, _, _ = select.select([client, upstream], [], [])
                if upstream in ready:
                    answer = upstream.recv(1 << 16)
                    if not answer:
                        return
                    client.sendall(answer)
                if client in ready:
                    message = client.recv(1 << 16)
                    if not message:
                        return
                    if line.is_to_be_cut():
                        if line.cut == Cut.AFTER:
                            upstream.sendall(message)
                            select.select([upstream], [], [], _ANSWER_WAIT_S)
                        if line.cut == Cut.UNNOTICED:
                            line.left_open.append(upstream)
                        return
                    upstream.sendall(message)
    finally:
        if upstream not in line.left_open:
            upstream.close()
