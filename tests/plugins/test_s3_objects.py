"""Objects as files: few requests, little memory, and never bytes of two versions."""

from __future__ import annotations

import io
import random
from typing import Any, BinaryIO, cast

import pytest
from botocore.exceptions import ResponseStreamingError
from cloud_material import Cloud

from songid.audio.decode import read_all
from songid.audio.encode import encode
from songid.errors import AudioError, GoneError
from songid.testing.music import compose
from songid_plugins.sources.s3_objects import (
    BLOCKS_KEPT,
    LARGEST_BLOCK_BYTES,
    ObjectFile,
    ObjectVersion,
)

KEY = "a.bin"


class Requests:
    """The requests that a client sent, as method and range."""

    def __init__(self, client: Any) -> None:
        self.sent: list[tuple[str, str]] = []
        client.meta.events.register("before-send.s3", self._note)

    def _note(self, request: Any, **_: Any) -> None:
        span = request.headers.get("Range", b"")
        self.sent.append((request.method, span.decode() if isinstance(span, bytes) else span))


@pytest.fixture
def bucket(cloud: Cloud) -> str:
    return cloud.bucket()


def stored(cloud: Cloud, bucket: str, content: bytes) -> ObjectVersion:
    etag = cloud.put(bucket, KEY, content)["ETag"].strip('"')
    return ObjectVersion(bucket, KEY, etag=etag)


def opened(cloud: Cloud, version: ObjectVersion) -> ObjectFile:
    return ObjectFile(cloud.client("s3"), version, KEY, sleep=lambda seconds: None)


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def test_a_segment_takes_exactly_one_request(cloud: Cloud, bucket: str) -> None:
    written = io.BytesIO()
    encode(compose(1, 12.0, 44_100)[0], 44_100, written, format="ts")
    segment = written.getvalue()
    version = stored(cloud, bucket, segment)
    requests = Requests(cloud.client("s3"))
    with opened(cloud, version) as file:
        samples = read_all(cast(BinaryIO, file), 11_025)
    assert [method for method, _ in requests.sent] == ["GET"]
    assert (samples == read_all(io.BytesIO(segment), 11_025)).all()


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1, 3_000_000])
def test_an_object_of_any_size_reads_as_it_is(cloud: Cloud, bucket: str, size: int) -> None:
    content = noise(size)
    with opened(cloud, stored(cloud, bucket, content)) as file:
        assert file.read() == content
        assert file.read(1) == b""
        assert file.seek(0, io.SEEK_END) == size
        assert file.seek(size + 7) == size + 7
        assert file.read() == b""


def test_reading_anywhere_is_as_in_a_file(cloud: Cloud, bucket: str) -> None:
    content = noise(5_000_000)
    plain, chance = io.BytesIO(content), random.Random(1)
    with opened(cloud, stored(cloud, bucket, content)) as file:
        assert file.readable()
        assert file.seekable()
        for _ in range(60):
            match chance.randrange(4):
                case 0:
                    place = chance.randrange(len(content))
                    assert file.seek(place) == plain.seek(place)
                case 1:
                    back = -chance.randrange(300_000)
                    assert file.seek(back, io.SEEK_END) == plain.seek(back, io.SEEK_END)
                case 2:
                    size = chance.randrange(900_000)
                    assert file.read(size) == plain.read(size)
                case _:
                    ours, theirs = bytearray(1000), bytearray(1000)
                    assert (file.readinto(ours), ours) == (plain.readinto(theirs), theirs)
            assert file.tell() == plain.tell()
        with pytest.raises(ValueError, match="before"):
            file.seek(-1)
    with pytest.raises(ValueError, match="closed"):
        file.read(1)


def test_a_long_object_takes_few_requests_and_is_never_held_whole(
    cloud: Cloud, bucket: str
) -> None:
    content = noise(60_000_000)
    version = stored(cloud, bucket, content)
    requests = Requests(cloud.client("s3"))
    most = 0
    with opened(cloud, version) as file:
        # As a decoder does: the head, the end, then all in order.
        file.seek(-131_072, io.SEEK_END)
        assert file.read() == content[-131_072:]
        file.seek(0)
        at = 0
        while part := file.read(65_536):
            assert part == content[at : at + len(part)]
            at += len(part)
            most = max(most, sum(len(block.content) for block in file._blocks))
    assert at == len(content)
    assert len(requests.sent) <= 21
    assert most <= BLOCKS_KEPT * LARGEST_BLOCK_BYTES


def test_bytes_of_another_version_are_never_mixed_in(cloud: Cloud, bucket: str) -> None:
    version = stored(cloud, bucket, noise(3_000_000))
    with opened(cloud, version) as file:
        file.read(10)
        cloud.put(bucket, KEY, noise(3_000_001))
        with pytest.raises(OSError, match="replaced or deleted while read"):
            file.read()


def test_a_version_reads_on_though_a_newer_one_came(cloud: Cloud) -> None:
    bucket, content = cloud.bucket(versioned=True), noise(3_000_000)
    answer = cloud.put(bucket, KEY, content)
    with opened(cloud, ObjectVersion(bucket, KEY, version_id=answer["VersionId"])) as file:
        cloud.put(bucket, KEY, b"new")
        assert file.read() == content


def test_what_is_not_there_is_gone(cloud: Cloud, bucket: str) -> None:
    with pytest.raises(GoneError, match="not there"):
        opened(cloud, ObjectVersion(bucket, KEY))


class _Breaking:
    """A body whose transfer breaks off after some bytes."""

    def __init__(self, body: Any, after: int) -> None:
        self._body, self._left = body, after

    def read(self, size: int) -> bytes:
        if self._left <= 0:
            raise ResponseStreamingError(error="connection reset")
        part: bytes = self._body.read(min(size, self._left))
        self._left -= len(part)
        return part


@pytest.fixture
def breaking(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """After how many bytes each coming transfer breaks off; those beyond the list do not."""
    breaks: list[int] = []
    s3 = cloud.client("s3")
    get_object = s3.get_object

    def get(**asked: Any) -> dict[str, Any]:
        answer: dict[str, Any] = get_object(**asked)
        if breaks:
            answer["Body"] = _Breaking(answer["Body"], breaks.pop(0))
        return answer

    monkeypatch.setattr(s3, "get_object", get)
    return breaks


def test_a_transfer_that_breaks_off_goes_on_where_it_was(
    cloud: Cloud, bucket: str, breaking: list[int]
) -> None:
    content = noise(2_500_000)
    version = stored(cloud, bucket, content)
    requests = Requests(cloud.client("s3"))
    breaking += [300_000, 0, 500_000]
    with opened(cloud, version) as file:
        assert file.read() == content
    begins = [span.removeprefix("bytes=").partition("-")[0] for _, span in requests.sent]
    assert begins == ["0", "300000", "300000", "800000", "1048576"]


def test_a_transfer_that_breaks_off_again_and_again_is_an_error(
    cloud: Cloud, bucket: str, breaking: list[int]
) -> None:
    version = stored(cloud, bucket, noise(2_500_000))
    breaking += [10] * 5
    with pytest.raises(AudioError, match="connection reset"):
        opened(cloud, version)
    with opened(cloud, version) as file:
        breaking += [10] * 5
        with pytest.raises(OSError, match="connection reset"):
            file.read()
        assert len(file.read()) == 2_500_000  # the trouble has passed
