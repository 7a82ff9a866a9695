"""The store kit's part on many at once: threads with one handle, processes with their own."""

from __future__ import annotations

import multiprocessing
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeVar

import pytest

from songid.errors import PageGoneError, StoreError
from songid.interfaces import Store
from songid.model import Heard, Recording
from songid.testing.store_journal import segments
from songid.testing.store_kit import NOW, StoreKit, ids, volume, volume_ids, write_volume

T = TypeVar("T")
_CROWD = 4


def in_threads(work: Callable[[int], T], count: int = _CROWD) -> list[T]:
    """What `work(number)` gives in `count` threads that start together."""
    start = threading.Barrier(count)

    def run(number: int) -> T:
        start.wait()
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def in_processes(work: Callable[[int], T], count: int = _CROWD) -> list[T]:
    """What `work(number)` gives in `count` forked processes that start together."""
    context = multiprocessing.get_context("fork")
    start = context.Barrier(count)

    def run(number: int, answer: Connection) -> None:
        try:
            start.wait()
            answer.send((work(number), ""))
        except BaseException:
            answer.send((None, traceback.format_exc()))

    ends = [context.Pipe(duplex=False) for _ in range(count)]
    crowd = [
        context.Process(target=run, args=(number, sender))
        for number, (_, sender) in enumerate(ends)
    ]
    for process in crowd:
        process.start()
    for _, sender in ends:
        sender.close()  # or a child that dies would be waited for without end
    answers = [receiver.recv() for receiver, _ in ends]
    for process in crowd:
        process.join()
    assert [failure for _, failure in answers if failure] == []
    return [answer for answer, _ in answers]


class ConcurrencyConformance(StoreKit):
    """Many at once."""

    @pytest.fixture(params=["threads", "processes"])
    def crowd(
        self, request: pytest.FixtureRequest, tmp_path: Path
    ) -> Callable[[Callable[[Store, int], object]], list[object]]:
        """Calls work(store, number) from a crowd, as `store` each one's own handle."""
        if request.param == "processes" and not self.shared_by_processes:
            pytest.skip("this store is one process's own")

        def run(work: Callable[[Store, int], object]) -> list[object]:
            def with_own_handle(number: int) -> object:
                store = self.open_store(tmp_path)
                try:
                    return work(store, number)
                finally:
                    store.close()

            gather = in_threads if request.param == "threads" else in_processes
            return gather(with_own_handle)

        return run

    def test_a_new_store_may_be_opened_by_many_at_once(
        self, crowd: Callable[..., list[object]]
    ) -> None:
        kept = crowd(lambda store, number: store.put_meta_once("first", str(number)))
        assert len(set(kept)) == 1

    def test_of_many_that_claim_one_key_one_gets_it(
        self, crowd: Callable[..., list[object]], store: Store
    ) -> None:
        for attempt in range(5):
            won = crowd(
                lambda store, number, attempt=attempt: store.claim(
                    [f"other {number}", f"job {attempt}"], f"worker {number}", 60.0, NOW
                )
            )
            assert won.count(True) == 1

    def test_of_many_that_merge_one_volume_one_does(
        self, crowd: Callable[..., list[object]], store: Store
    ) -> None:
        write_volume(store, "small")

        def merge(own: Store, number: int) -> bool:
            try:
                write_volume(own, f"merged {number}", replaces=["small"])
            except StoreError:
                return False
            return True

        won = crowd(merge)
        assert won.count(True) == 1
        assert volume_ids(store) == [f"merged {won.index(True)}"]

    def test_of_many_that_add_one_content_one_is_live(
        self, crowd: Callable[..., list[object]], store: Store
    ) -> None:
        crowd(
            lambda own, number: write_volume(
                own, f"v{number}", [Recording(f"r{number}", "R", content_sha256="c")]
            )
        )
        assert len(store.recordings()) == 1
        assert len(store.removed_ids()) == 3

    def test_what_many_write_at_once_is_all_there(
        self, crowd: Callable[..., list[object]], store: Store
    ) -> None:
        def write(own: Store, number: int) -> None:
            for turn in range(5):
                name = f"{number}.{turn}"
                write_volume(own, name, [Recording(name, "R")])
                own.put_heards([*segments(f"station {number}", 5), *segments("shared", 5)])

        crowd(write)
        names = {f"{number}.{turn}" for number in range(4) for turn in range(5)}
        assert set(volume_ids(store)) == names
        assert ids(store.recordings()) == names
        assert store.catalogue_version() >= len(names)
        assert store.heards("shared") == segments("shared", 5)
        assert len(store.stations()) == 5

    def test_a_reader_sees_whole_volumes_only(
        self, crowd: Callable[..., list[object]], store: Store
    ) -> None:
        """Half of the crowd writes and merges; the other half reads what is listed."""

        def work(own: Store, number: int) -> None:
            for turn in range(10):
                if number % 2:
                    name = f"{number}.{turn}"
                    own.put_pages(name, [(page, name.encode()) for page in range(3)])
                    earlier = [f"{number}.{turn - 1}"] if turn else []
                    recordings = [Recording(f"r {name}", "R")]
                    own.commit_volume(volume(name, 3), recordings, replaces=earlier, now=NOW)
                else:
                    read_everything(own)

        crowd(work)
        assert set(volume_ids(store)) == {"1.9", "3.9"}
        read_everything(store)

    def test_threads_may_share_a_handle(self, store: Store) -> None:
        def work(number: int) -> list[Heard]:
            station = f"station {number}"
            for heard in segments(station, 20):
                store.put_heards([heard])
            return store.heards(station)

        assert in_threads(work) == [segments(f"station {number}", 20) for number in range(4)]


def read_everything(store: Store) -> None:
    """Read all pages of all live volumes, and hold the recordings against the volumes."""
    live = store.volumes()
    try:
        for row in live:
            pages = store.get_pages([(row.volume_id, page) for page in range(row.pages)])
            assert set(pages) == {row.volume_id.encode()}
    except PageGoneError:  # merged and dropped meanwhile; a reader then lists them again
        pass
    assert {f"r {row.volume_id}" for row in live} <= ids(store.recordings())
