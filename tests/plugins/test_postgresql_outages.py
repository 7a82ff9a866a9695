"""The PostgreSQL store while its server goes away, fails over, or ends its sessions."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from postgres_material import PACKAGE, NoServerError, Server, new_server

from songid.errors import StoreError
from songid.interfaces import Store
from songid.model import Recording
from songid.plugin_manager import load
from songid.testing.store_journal import segments
from songid.testing.store_kit import LONG_AGO, NOW, ids, volume, volume_ids

_WRITERS = 3
_AWAY_S = 3.0


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server of these tests' own, as they stop it."""
    try:
        server = new_server(PACKAGE)
    except NoServerError as error:
        pytest.skip(f"no PostgreSQL: {error}")
    yield server
    server.delete()


def open_store(url: str) -> Any:
    store = load().open("stores", url)
    store.migrate()
    return store


# -- a workload that leaves nothing to chance -----------------------------------------


def write(store: Store, writer: int, turn: int) -> None:
    """One turn: a volume that replaces the last one, its recording, heards, a job done."""
    name = f"{writer}.{turn}"
    pages = [(number, f"{name} {number}".encode() * 300) for number in range(8)]
    store.put_pages(name, pages[:4])
    store.put_pages(name, pages[4:])
    known = Recording(f"known {name}", "K", content_sha256=f"content {writer}")
    new = Recording(f"new {name}", "N", content_sha256=name)
    doubles = store.commit_volume(
        volume(name, len(pages)),
        [new, known],
        replaces=[f"{writer}.{turn - 1}"] if turn else [],
        now=NOW,
    )
    # The first of a content is added, all others are doubles of it.
    assert doubles == ([replace(known, removed_at=NOW)] if turn else [])
    (heard,) = segments(f"station {writer}", 1, NOW + timedelta(seconds=turn))
    store.put_heards([heard])
    assert store.claim([f"job {name}"], f"writer {writer}", 60, NOW)
    assert not store.claim([f"job {name}"], "another", 60, NOW)
    assert store.complete([f"job {name}"], f"writer {writer}", NOW)
    assert store.put_meta_once(f"fact {name}", name) == name
    assert b"".join(store.get_pages([(name, n) for n, _ in pages])) == b"".join(
        content for _, content in pages
    )


def check(store: Store, turns: list[int], commits: int) -> None:
    """Everything of so many turns per writer is there, and nothing else."""
    done = [f"{writer}.{turn}" for writer, last in enumerate(turns) for turn in range(last)]
    assert set(volume_ids(store)) == {f"{writer}.{last - 1}" for writer, last in enumerate(turns)}
    assert ids(store.recordings()) == {f"new {name}" for name in done} | {
        f"known {writer}.0" for writer in range(len(turns))
    }
    assert len(store.removed_ids()) == len(done) - len(turns)
    assert store.completed([f"job {name}" for name in done]) == {f"job {name}" for name in done}
    for writer, last in enumerate(turns):
        assert len(store.heards(f"station {writer}")) == last
    assert store.catalogue_version() == commits


def written_while(store: Store, trouble: Callable[[], object]) -> None:
    """Write from several threads until the trouble is over, then hold it against the store."""
    over = threading.Event()

    def writer(number: int) -> int:
        turn = 0
        while not over.is_set() or turn < 2:
            write(store, number, turn)
            turn += 1
        return turn

    with ThreadPoolExecutor(_WRITERS) as pool:
        writers = [pool.submit(writer, number) for number in range(_WRITERS)]
        try:
            trouble()
        finally:
            over.set()
        turns = [each.result() for each in writers]
    check(store, turns, commits=sum(turns))
    retired = sum(turns) - len(turns)
    soon = NOW + timedelta(seconds=1)
    assert store.drop_retired(retired_before=soon, orphans_before=LONG_AGO) == retired
    store.close()


# -- troubles -------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_server_that_is_gone_for_seconds_only_takes_time(server: Server, mode: str) -> None:
    """Stopped, or crashed, in the middle of whatever is being written."""

    def restart() -> None:
        time.sleep(0.3)
        server.stop(mode)
        time.sleep(_AWAY_S)
        server.start()
        time.sleep(0.3)

    written_while(open_store(server.url(f"gone_{mode}", patience_s=60)), restart)


def test_sessions_ended_at_any_moment_lose_nothing_and_double_nothing(server: Server) -> None:
    chance = random.Random(3)
    ended = []

    def terminate() -> None:
        with server.connect() as connection:
            until = time.monotonic() + 4
            while time.monotonic() < until:
                ended.extend(
                    connection.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE application_name = 'songid' AND random() < 0.5"
                    )
                )
                time.sleep(chance.uniform(0, 0.06))

    written_while(open_store(server.url("terminated", patience_s=60)), terminate)
    assert len(ended) > 20


def test_a_failover_to_a_standby_loses_nothing(server: Server) -> None:
    """The server that wrote is lost, its standby is promoted, and the URL names both."""
    standby = standby_of(server)
    try:
        url = server.url("failover", host=f"{server.folder},{standby.folder}", patience_s=60)

        def fail_over() -> None:
            server.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            server.execute("SELECT pg_reload_conf()")
            time.sleep(0.5)
            server.stop("immediate")
            standby.promote()
            time.sleep(0.5)

        written_while(open_store(url), fail_over)
    finally:
        standby.delete()
        with contextlib.suppress(NoServerError):
            (server.folder / "data/postgresql.auto.conf").write_text("")
            server.start()


def test_a_server_that_only_reads_is_left_for_another_connection(server: Server) -> None:
    """As after a failover in which the old writer stays reachable."""
    store = open_store(server.url("read_only", patience_s=30))
    store.put_meta("key", "before")

    def only_read(only: str) -> None:
        server.execute(f"ALTER DATABASE postgres SET default_transaction_read_only TO {only}")

    only_read("on")
    try:
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'songid'"
        )
        timer = threading.Timer(0.5, lambda: allow_writing(server))
        timer.start()
        store.put_meta("key", "after")
        timer.join()
    finally:
        allow_writing(server)
    assert store.get_meta("key") == "after"
    store.close()


def allow_writing(server: Server) -> None:
    with server.connect() as connection:
        connection.execute("SET default_transaction_read_only TO off")
        connection.execute("ALTER DATABASE postgres RESET default_transaction_read_only")


def test_patience_ends_with_an_error_that_tells_and_hides_the_password(server: Server) -> None:
    url = server.url("patience", user="postgres:very%20secret", patience_s=0.5)
    store = open_store(url)
    server.stop()
    try:
        began = time.monotonic()
        with pytest.raises(StoreError, match=r"could not be used for 0\.5 s") as told:
            store.put_meta("key", "value")
        assert time.monotonic() - began < 5
        assert "secret" not in str(told.value)
        assert str(server.folder) in str(told.value)
    finally:
        server.start()
    store.put_meta("key", "value")
    store.close()


# -- a standby ------------------------------------------------------------------------


class Standby(Server):
    """A copy of a running server that follows it."""

    def promote(self) -> None:
        self._run("pg_ctl", "-w", "promote")


def standby_of(server: Server) -> Standby:
    digest = hashlib.sha256(str(server.folder).encode()).hexdigest()[:8]
    folder = Path(f"/tmp/songid-pg-standby-{os.getpid()}-{digest}")
    folder.mkdir()
    shutil.chown(folder, (server.folder / "data").stat().st_uid)
    standby = Standby(server.programs, folder)
    hba = server.folder / "data/pg_hba.conf"
    hba.write_text("local replication all trust\n" + hba.read_text())
    server.execute("SELECT pg_reload_conf()")
    try:
        standby._run(
            "pg_basebackup",
            *("-R", "-c", "fast", "-X", "stream", "-d", f"host={server.folder} user=postgres"),
        )
        standby.start()
    except BaseException:
        standby.delete()
        raise
    return standby
