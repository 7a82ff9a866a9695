from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
from cloud_material import REGION, Cloud

from songid.errors import FolderError
from songid.interfaces import Folder
from songid.model import ComponentURL
from songid.segmenter.backoff import Backoff
from songid.segmenter.delivery import Delivery, FolderTaker, Taker
from songid.segmenter.spool import Spool
from songid.stations import STREAMS_PREFIX
from songid_plugins.folders.local import open_folder
from songid_plugins.folders.s3 import open_folder as open_s3_folder
from songid_plugins.sources.s3 import open_source as open_s3_source


class Fickle:
    """Takes files when it is up."""

    def __init__(self, *, up: bool) -> None:
        self.up = threading.Event()
        if up:
            self.up.set()
        self.taken: list[str] = []
        self.idled = threading.Event()
        self.closed = False

    def take(self, name: str, content: bytes) -> None:
        if not self.up.is_set():
            raise FolderError("s3 is away")
        self.taken.append(name)

    def idle(self) -> None:
        self.idled.set()

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", "one", most_bytes=10**9)


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def delivery(
    spool: Spool, open_taker: Callable[[], Taker], troubles: list[str] | None = None
) -> Delivery:
    told = troubles if troubles is not None else []
    return Delivery(
        spool, open_taker, lambda why, pause_s: told.append(why), backoff=Backoff(0.01, 0.02)
    )


def test_everything_goes_below_the_place_of_streams_and_leaves_the_spool(
    spool: Spool, tmp_path: Path
) -> None:
    spool.put("one_20240131T081500Z.ts", b"sound")
    spool.put("one_20240131T081500Z.gap.json", b"{}")
    folder = cast(Folder, open_folder(ComponentURL.parse(f"folder:{tmp_path}/inbox")))
    assert delivery(spool, lambda: FolderTaker(folder)).stop(10)
    streams = tmp_path / "inbox/songs_to_check/streams"
    assert sorted(path.name for path in streams.iterdir()) == [
        "one_20240131T081500Z.gap.json",
        "one_20240131T081500Z.ts",
    ]
    assert (streams / "one_20240131T081500Z.ts").read_bytes() == b"sound"
    assert spool.ready() == []


def test_what_cannot_be_taken_now_is_tried_again_in_its_order(spool: Spool) -> None:
    taker, troubles = Fickle(up=False), []
    delivering = delivery(spool, lambda: taker, troubles)
    spool.put("1.ts", b"")
    delivering.hurry()
    until(lambda: len(troubles) > 2)
    spool.put("2.ts", b"")
    taker.up.set()
    until(lambda: taker.taken == ["1.ts", "2.ts"])
    assert set(troubles) == {"s3 is away"}
    assert delivering.stop(10)
    assert taker.closed and taker.idled.is_set()


def test_in_a_bucket_only_segments_are_heard_and_wait_while_it_is_away(
    spool: Spool, cloud: Cloud
) -> None:
    bucket, troubles = f"radio-{uuid.uuid4().hex}", []
    to = ComponentURL.parse(f"s3://{bucket}/below")
    spool.put("one_20240131T081500Z.gap.json", b"{}")
    spool.put("one_20240131T081500Z.ts", b"sound")
    delivering = delivery(spool, lambda: FolderTaker(open_s3_folder(to)), troubles)
    until(lambda: troubles)
    assert len(spool.ready()) == 2
    place = {"LocationConstraint": REGION}
    cloud.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
    until(lambda: not spool.ready())
    assert delivering.stop(10)
    assert cloud.content(bucket, f"below/{STREAMS_PREFIX}one_20240131T081500Z.ts") == b"sound"
    (item,) = open_s3_source(to).items()
    assert item.station == "one"
    assert item.start == datetime(2024, 1, 31, 8, 15, tzinfo=UTC)


def test_a_place_that_cannot_be_opened_yet_is_tried_again(spool: Spool) -> None:
    taker, tries, troubles = Fickle(up=True), [], []

    def open_taker() -> Taker:
        tries.append(1)
        if len(tries) == 1:
            raise FolderError("no such bucket yet")
        if len(tries) == 2:
            raise RuntimeError("a defect")
        return taker

    spool.put("1.ts", b"")
    delivering = delivery(spool, open_taker, troubles)
    until(lambda: taker.taken)
    assert troubles == ["no such bucket yet", "RuntimeError: a defect"]
    delivering.stop(10)


def test_what_is_left_when_it_stops_stays_in_the_spool(spool: Spool) -> None:
    spool.put("1.ts", b"")
    delivering = delivery(spool, lambda: Fickle(up=False))
    assert not delivering.stop(10)
    assert [path.name for path in spool.ready()] == ["1.ts"]


def test_waits_double_and_differ() -> None:
    backoff = Backoff(1.0, 60.0)
    waits_s = [backoff.next_s() for _ in range(40)]
    for number, wait_s in enumerate(waits_s):
        whole_s = min(60.0, 2.0**number)
        assert whole_s / 2 <= wait_s <= whole_s
    assert len(set(waits_s)) == len(waits_s)
    backoff.reset()
    assert backoff.next_s() <= 1.0
