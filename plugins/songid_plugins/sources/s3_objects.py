"""An object's bytes as a seekable file, read in blocks by ranged requests.

A segment takes one request; a long file is never held whole, and what is read is always
of one and the same version.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from songid.errors import AudioError, GoneError
from songid_plugins.aws_clients import AWS_ERRORS, aws_error_text, error_code

FIRST_BLOCK_BYTES = 1 << 20
"""A segment of 12 s has 200 to 400 kB, so that one request gets all of it."""
JUMP_BLOCK_BYTES = 1 << 18
"""What is read where a reader jumped to: the last pages of a file, an index."""
LARGEST_BLOCK_BYTES = 1 << 22
BLOCKS_KEPT = 3
"""The beginning, the end that was looked at, and where the reader is."""
READ_ATTEMPTS = 5
FIRST_PAUSE_S = 0.1

_GONE = frozenset({"NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed"})
_REPLACED = frozenset({"PreconditionFailed", "412"})
_TOTAL = re.compile(r"bytes \d+-\d+/(\d+)")


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """Which bytes: a bucket's key, and the version or (where there is none) the etag."""

    bucket: str
    key: str
    version_id: str = ""
    etag: str = ""

    def request(self) -> dict[str, str]:
        """The parameters by which S3 gives these bytes or none."""
        asked = {"Bucket": self.bucket, "Key": self.key}
        if self.version_id:
            asked["VersionId"] = self.version_id
        elif self.etag:
            asked["IfMatch"] = f'"{self.etag}"'
        return asked


@dataclass(frozen=True, slots=True)
class _Block:
    begin: int
    content: bytes

    @property
    def end(self) -> int:
        return self.begin + len(self.content)


class ObjectFile(io.RawIOBase):
    """A version of an object as a binary file; its first block is read on opening.

    `read(n)` gives n bytes unless the file ends. On opening GoneError says that there is
    no such object any more and AudioError that it may not or cannot be read; later an
    OSError says either.
    """

    def __init__(
        self,
        client: Any,
        version: ObjectVersion,
        name: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__()
        self._client = client
        self._version = version
        self._name = name
        self._sleep = sleep
        self._at = 0
        self._size = -1
        self._blocks: list[_Block] = []  # the one read last comes last
        self._next_bytes = FIRST_BLOCK_BYTES
        try:
            self._fetch(0)
        except ClientError as error:
            raise _as_audio_error(error, name) from error
        except BotoCoreError as error:
            raise AudioError(name, f"it cannot be read: {aws_error_text(error)}") from error

    # -- io ---------------------------------------------------------------------------

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """The place in the file."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place in the file; nothing is read yet."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"{self._name}: no place before the file's beginning")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` as far as the file goes."""
        view = memoryview(buffer).cast("B")
        content = self.read(len(view))
        view[: len(content)] = content
        return len(content)

    def readall(self) -> bytes:
        """All that is left."""
        return self.read(-1)

    def read(self, size: int | None = -1) -> bytes:
        """`size` bytes, fewer only at the end; all that is left without a size."""
        left = max(0, self._size - self._at)
        wanted = left if size is None or size < 0 else min(size, left)
        parts, at = [], self._at
        while wanted > 0:
            block = self._block(at)
            part = block.content[at - block.begin : at - block.begin + wanted]
            parts.append(part)
            at += len(part)
            wanted -= len(part)
        self._at = at  # where a read failed, it can be tried again
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        """Let go of what was read."""
        self._blocks = []
        super().close()

    # -- blocks -----------------------------------------------------------------------

    def _block(self, at: int) -> _Block:
        if self.closed:
            raise ValueError(f"{self._name}: it was closed")
        for block in self._blocks:
            if block.begin <= at < block.end:
                return block
        try:
            return self._fetch(at)
        except AWS_ERRORS as error:
            if is_gone(error):
                raise OSError(f"{self._name}: it was replaced or deleted while read") from error
            raise OSError(f"{self._name}: {aws_error_text(error)}") from error

    def _fetch(self, at: int) -> _Block:
        """Read a block that begins at `at`: longer ones as long as one follows another."""
        if self._blocks:
            follows = at == self._blocks[-1].end
            grown = min(LARGEST_BLOCK_BYTES, 2 * self._next_bytes)
            self._next_bytes = grown if follows else JUMP_BLOCK_BYTES
        block = _Block(at, self._download(at, self._next_bytes))
        # The beginning is kept: to it, readers return.
        if len(self._blocks) >= BLOCKS_KEPT:
            del self._blocks[1]
        self._blocks.append(block)
        return block

    def _download(self, at: int, length: int) -> bytes:
        """`length` bytes from `at`, fewer at the end; begun anew where a transfer broke off.

        The SDK repeats a request that fails, but not one that broke off within the body.
        """
        parts: list[bytes] = []
        pause_s = FIRST_PAUSE_S
        for attempt in range(1, READ_ATTEMPTS + 1):
            begin = at + sum(map(len, parts))
            try:
                body = self._request(begin, at + length)
                while body is not None and (part := body.read(FIRST_BLOCK_BYTES)):
                    parts.append(part)
                break
            except BotoCoreError:
                if attempt == READ_ATTEMPTS:
                    raise
                self._sleep(pause_s)
                pause_s *= 2
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _request(self, begin: int, end: int) -> Any:
        """The body of a ranged request; None where the object is empty."""
        if self._size >= 0:
            end = min(end, self._size)
            if begin >= end:
                return None
        try:
            answer = self._client.get_object(
                **self._version.request(), Range=f"bytes={begin}-{end - 1}"
            )
        except ClientError as error:
            if begin == 0 and error_code(error) in ("InvalidRange", "416"):
                self._size = 0  # no range fits an empty object
                return None
            raise
        if self._size < 0:
            total = _TOTAL.match(answer.get("ContentRange", ""))
            self._size = int(total[1]) if total else int(answer["ContentLength"])
        return answer["Body"]


def is_gone(error: BaseException) -> bool:
    """Whether S3 says that there are no such bytes any more."""
    return error_code(error) in _GONE | _REPLACED


def _as_audio_error(error: ClientError, name: str) -> AudioError:
    code = error_code(error)
    if code in _GONE:
        return GoneError(name, "it is not there any more")
    if code in _REPLACED:
        return GoneError(name, "it was replaced; what replaced it is a job of its own")
    if code == "InvalidObjectState":
        return AudioError(name, "it is archived (S3 Glacier); restore it, then offer it again")
    return AudioError(name, f"it cannot be read: {aws_error_text(error)}")
