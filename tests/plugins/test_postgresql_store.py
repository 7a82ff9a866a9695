"""What is the PostgreSQL store's own: its schema, its errors, its sessions, its space."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from postgres_material import CAREFUL, PACKAGE, Server, server_or_skip, session_folder

from songid.errors import PluginError, StoreError
from songid.interfaces import Migratable
from songid.model import Recording, VolumeRow
from songid.plugin_manager import load
from songid.testing.store_concurrency import in_threads
from songid.testing.store_journal import segments
from songid.testing.store_kit import LATER, NOW, ids, volume_ids, write_volume
from songid_plugins.stores import postgresql_schema

_NUMBERS = itertools.count()
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Server:
    return server_or_skip(session_folder(tmp_path_factory), PACKAGE)


@pytest.fixture
def schema() -> str:
    return f"own_{os.getpid()}_{next(_NUMBERS)}"


@pytest.fixture
def open_store(server: Server, schema: str) -> Iterator[Open]:
    """Opens the test's store; options go into the URL."""
    with contextlib.ExitStack() as opened:

        def open_it(user: str = "postgres", **options: object) -> Any:
            store = load().open("stores", server.url(schema, user, **options))
            opened.callback(store.close)
            return store

        yield open_it


@pytest.fixture
def store(open_store: Open) -> Any:
    store = open_store()
    store.migrate()
    return store


# -- the schema -----------------------------------------------------------------------


def test_opening_needs_no_server_but_asking_does() -> None:
    store = load().open("stores", "postgresql://nowhere@/x?host=/nonexistent&patience_s=0")
    with pytest.raises(StoreError, match="could not be used"):
        store.volumes()


def test_a_store_without_tables_says_how_to_make_them(open_store: Open) -> None:
    with pytest.raises(StoreError, match="songid store migrate"):
        open_store().volumes()


def test_migrating_tells_what_it_did_and_is_safe_to_repeat(open_store: Open, schema: str) -> None:
    store = open_store()
    assert isinstance(store, Migratable)
    assert store.migrate() == [f"Created the schema {schema}.", "Created the tables (version 1)."]
    write_volume(store, "v", [Recording("r", "R")])
    assert store.migrate() == []
    assert ids(store.recordings()) == {"r"}


def test_of_many_that_migrate_at_once_one_does_and_the_others_wait(open_store: Open) -> None:
    stores = [open_store() for _ in range(6)]
    steps = in_threads(lambda number: stores[number].migrate(), 6)
    assert sorted(map(len, steps)) == [0, 0, 0, 0, 0, 2]


def test_an_older_schema_is_refused_until_it_is_migrated(
    open_store: Open, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_volume(store, "v", [Recording("r", "R")])
    newer = (*postgresql_schema.MIGRATIONS, ("CREATE TABLE moods (recording_id text)",))
    monkeypatch.setattr(postgresql_schema, "MIGRATIONS", newer)
    again = open_store()
    with pytest.raises(StoreError, match=r"older songid.*songid store migrate"):
        again.volumes()
    assert again.migrate() == ["Brought the tables from version 1 to 2."]
    assert ids(again.recordings()) == {"r"}


def test_a_newer_schema_is_refused(server: Server, open_store: Open, store: Any) -> None:
    server.execute(f"UPDATE {store_schema(store)}.schema_version SET version = 99")
    for ask in (lambda new: new.volumes(), lambda new: new.migrate()):
        with pytest.raises(StoreError, match="update songid"):
            ask(open_store())


def store_schema(store: Any) -> str:
    return str(store._credentials.address.schema)


def test_a_schema_may_have_any_name(server: Server) -> None:
    name = f'my "odd" schema; é {os.getpid()}'
    with contextlib.closing(load().open("stores", server.url(name))) as store:
        store.migrate()
        write_volume(store, "v")
        assert volume_ids(store) == ["v"]


def test_a_database_that_cannot_hold_all_names_is_refused(server: Server, schema: str) -> None:
    server.execute(
        f"CREATE DATABASE {schema} ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
    )
    url = server.url(schema).replace("/postgres?", f"/{schema}?")
    with (
        contextlib.closing(load().open("stores", url)) as store,
        pytest.raises(StoreError, match="ENCODING 'UTF8'"),
    ):
        store.migrate()
    server.execute(f"DROP DATABASE {schema}")


# -- errors ---------------------------------------------------------------------------


def test_an_option_it_does_not_know_is_a_plugin_error(open_store: Open) -> None:
    with pytest.raises(PluginError, match="no option 'colour'"):
        open_store(colour="red")


@pytest.mark.parametrize(
    ("user", "database", "told"),
    [
        ("nobody_there", "postgres", "does not exist"),
        ("postgres", "no_such_database", "does not exist"),
    ],
)
def test_what_waiting_cannot_mend_is_told_at_once(
    server: Server, schema: str, user: str, database: str, told: str
) -> None:
    url = server.url(schema, user, patience_s=60).replace("/postgres?", f"/{database}?")
    began = time.monotonic()
    with contextlib.closing(load().open("stores", url)) as store:
        for ask in (store.volumes, store.migrate):
            with pytest.raises(StoreError, match=told):
                ask()
    assert time.monotonic() - began < 10


def test_a_host_whose_name_is_misspelt_is_told_at_once(schema: str) -> None:
    url = "postgresql://me:hush@no-such-host.invalid/songs?patience_s=60"
    with (
        contextlib.closing(load().open("stores", url)) as store,
        pytest.raises(StoreError, match="no-such-host") as told,
    ):
        store.volumes()
    assert "hush" not in str(told.value)


def test_a_password_that_is_wrong_is_told_at_once_and_never_shown(
    server: Server, store: Any, open_store: Open, schema: str
) -> None:
    server.execute(f"CREATE ROLE {schema} LOGIN PASSWORD 'right' IN ROLE {CAREFUL}")
    with pytest.raises(StoreError, match="password authentication failed") as told:
        open_store(f"{schema}:wr0ng").volumes()
    assert "wr0ng" not in str(told.value)
    right = open_store(f"{schema}:right")
    with pytest.raises(StoreError, match=r"permission|no songid store"):
        right.volumes()
    server.execute(f"GRANT USAGE ON SCHEMA {schema} TO {schema}")
    server.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO {schema}")
    write_volume(right, "v")
    assert volume_ids(store) == ["v"]


def test_who_may_not_create_a_schema_is_told_what_to_grant(
    server: Server, schema: str, open_store: Open
) -> None:
    server.execute(f"CREATE ROLE {schema} LOGIN PASSWORD 'right' IN ROLE {CAREFUL}")
    store = open_store(f"{schema}:right")
    with pytest.raises(StoreError, match="grant it CREATE on the database"):
        store.migrate()
    server.execute(f"CREATE SCHEMA {schema} AUTHORIZATION {schema}")
    assert store.migrate() == ["Created the tables (version 1)."]


def test_a_statement_that_takes_too_long_is_given_up(
    server: Server, store: Any, open_store: Open, schema: str
) -> None:
    hasty = open_store(statement_s=1)
    with server.connect() as busy, busy.transaction():
        busy.execute(f"LOCK TABLE {schema}.catalogue".encode())
        with pytest.raises(StoreError, match="statement_s"):
            hasty.commit_volume(None, now=NOW)
    hasty.commit_volume(None, now=NOW)
    assert store.catalogue_version() == 1


def test_a_page_number_beyond_all_bounds_is_refused(store: Any) -> None:
    with pytest.raises(StoreError, match="page number"):
        store.put_pages("v", [(2**31, b"")])


def test_a_closed_store_says_so(store: Any) -> None:
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.volumes()


# -- sessions -------------------------------------------------------------------------


def sessions(server: Server, name: str) -> int:
    ((count,),) = server.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", name
    )
    return int(count)


def test_an_idle_store_leaves_no_session_so_that_a_database_may_pause(
    server: Server, store: Any, open_store: Open, schema: str
) -> None:
    idle = open_store(idle_s=1, application_name=schema)
    idle.put_meta("key", "value")
    assert sessions(server, schema) == 1
    until = time.monotonic() + 20
    while sessions(server, schema) and time.monotonic() < until:
        time.sleep(0.1)
    assert sessions(server, schema) == 0
    assert idle.get_meta("key") == "value"


def test_many_threads_share_few_sessions(
    server: Server, store: Any, open_store: Open, schema: str
) -> None:
    few = open_store(connections=2, application_name=schema)
    in_threads(lambda number: few.put_meta(str(number), "x"), 12)
    assert sessions(server, schema) <= 2


def test_a_handle_may_be_used_on_both_sides_of_a_fork(store: Any, open_store: Open) -> None:
    """Also while other threads of the parent use it, and after the parent has closed it."""
    write_volume(store, "v")
    stop = threading.Event()

    def keep_busy() -> None:
        turn = 0
        while not stop.is_set():
            store.put_heards(segments("parent", 1, NOW + timedelta(seconds=turn)))
            store.get_pages([("v", 0)])
            turn += 1

    def child(number: int) -> None:
        for turn in range(10):
            store.put_heards(segments(f"child {number}", 1, NOW + timedelta(seconds=turn)))
            time.sleep(0.005)

    busy = [threading.Thread(target=keep_busy) for _ in range(2)]
    for thread in busy:
        thread.start()
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=child, args=(number,)) for number in range(3)]
    for process in children:
        process.start()
    stop.set()
    for thread in busy:
        thread.join()
    store.close()
    for process in children:
        process.join()
    assert [process.exitcode for process in children] == [0, 0, 0]
    again = open_store()
    assert [len(again.heards(f"child {number}")) for number in range(3)] == [10, 10, 10]


# -- values and space -----------------------------------------------------------------


def test_a_file_name_that_is_not_utf8_or_long_beyond_reason_is_kept(store: Any) -> None:
    odd = Recording("odd", "O", source=os.fsdecode(b"caf\xe9.mp3"))
    long = Recording("long", "L", source="".join(random.Random(1).choices("abcdefgh", k=12_000)))
    write_volume(store, "v", [odd, long])
    assert store.find_recordings(source=odd.source) == [odd]
    assert store.find_recordings(source=long.source) == [long]
    assert store.claim([long.source], "me", 60, NOW) and store.complete([long.source], "me", NOW)
    assert store.completed([long.source, odd.source]) == {long.source}


def test_pages_cost_less_than_a_tenth_more_on_disk_than_their_bytes(
    server: Server, store: Any, schema: str
) -> None:
    chance = random.Random(1)
    pages = [(number, chance.randbytes(3950)) for number in range(4000)]
    store.put_pages("v", pages)
    header = chance.randbytes(3_000_000)
    store.put_pages("v", [(4000, header)])
    written = sum(len(content) for _, content in pages) + len(header)
    ((on_disk,),) = server.execute(f"SELECT pg_total_relation_size('{schema}.pages')")
    assert on_disk / written < 1.1
    assert store.get_pages([("v", 4000), ("v", 3)]) == [header, pages[3][1]]


def test_pages_are_looked_up_by_their_whole_key_however_many_volumes_there_are(
    server: Server, store: Any, open_store: Open, schema: str
) -> None:
    for number in range(30):
        store.put_pages(f"v{number}", [(page, b"x" * 2000) for page in range(100)])
    store.close()
    server.execute(f"ANALYZE {schema}.pages")
    settled_count(server, schema)
    before = settled_count(server, schema)
    asked = [(f"v{number}", page) for number in range(30) for page in range(0, 100, 10)]
    reader = open_store()
    reader.get_pages(asked)
    reader.close()
    assert 0 < settled_count(server, schema) - before < 6 * len(asked)


def settled_count(server: Server, schema: str) -> int:
    """Blocks touched so far: sessions tell theirs when they end, a little later."""
    count, until = -1, time.monotonic() + 10
    while count != (count := blocks_read(server, schema)) and time.monotonic() < until:
        time.sleep(0.3)
    return count


def blocks_read(server: Server, schema: str) -> int:
    ((count,),) = server.execute(
        "SELECT heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit "
        "FROM pg_statio_user_tables WHERE schemaname = %s AND relname = 'pages'",
        schema,
    )
    return int(count)


# -- sudden deaths --------------------------------------------------------------------

WORKER = """
import sys
from datetime import UTC, datetime, timedelta
from songid.model import Heard, Recording, VolumeRow
from songid.plugin_manager import load

store, life = load().open("stores", sys.argv[1]), sys.argv[2]
now = datetime.now(UTC)
turn = 0
while True:
    turn += 1
    name = f"{life}.{turn}"
    for number in range(3):
        store.put_pages(name, [(number, name.encode())])
    store.commit_volume(
        VolumeRow(name, 0, 0, 3, 0, now),
        [Recording(f"{name}.{each}", "R") for each in range(2)],
        replaces=[f"{life}.{turn - 1}"] if turn > 1 else [],
        now=now,
    )
    start = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=turn)
    store.put_heards([Heard(f"{life} {side}", start, 1.0) for side in ("left", "right")])
    store.claim([name, f"{name} too"], "me", 60, now)
    store.complete([name, f"{name} too"], "me", now)
    print(turn, flush=True)
"""


def test_a_kill_at_any_moment_loses_nothing_acknowledged_and_shows_nothing_half(
    server: Server, store: Any, schema: str
) -> None:
    chance = random.Random(7)
    for life in ("one", "two", "three"):
        with subprocess.Popen(
            [sys.executable, "-c", WORKER, server.url(schema), life],
            stdout=subprocess.PIPE,
            text=True,
        ) as worker:
            assert worker.stdout is not None
            lines = [worker.stdout.readline()]
            time.sleep(chance.uniform(0.0, 0.3))
            worker.send_signal(signal.SIGKILL)
            lines += worker.stdout.readlines()
        turns = max(int(line) for line in lines if line.endswith("\n"))
        settled(server, schema)
        check_life(store, life, turns)
    orphans = store.drop_retired(
        retired_before=NOW - LATER, orphans_before=datetime.now(UTC) + LATER
    )
    assert orphans <= 3


def settled(server: Server, schema: str) -> None:
    """Wait until the server has noticed the death."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        ((count,),) = server.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%%' "
            "OR (state = 'active' AND query LIKE %s)",
            f"%{schema}%COPY%",
        )
        if not count:
            return
        time.sleep(0.05)


def check_life(store: Any, life: str, turns: int) -> None:
    (row,) = [row for row in store.volumes() if row.volume_id.startswith(f"{life}.")]
    turn = int(row.volume_id.rpartition(".")[2])
    assert turn in (turns, turns + 1)
    assert (
        store.get_pages([(row.volume_id, page) for page in range(3)])
        == [row.volume_id.encode()] * 3
    )
    mine = {each for each in ids(store.recordings()) if each.startswith(f"{life}.")}
    assert mine == {f"{life}.{each}.{side}" for each in range(1, turn + 1) for side in (0, 1)}
    left, right = store.heards(f"{life} left"), store.heards(f"{life} right")
    assert len(left) == len(right) >= turns
    for each in range(1, turns + 2):
        both = [f"{life}.{each}", f"{life}.{each} too"]
        assert store.completed(both) in ((set(both), set()) if each > turns else (set(both),))


def test_a_page_row_of_any_size_comes_back(store: Any) -> None:
    sizes = [0, 1, 126, 127, 2000, 2040, 4040, 4041, 4100, 8200, 100_000]
    pages = [(number, random.Random(size).randbytes(size)) for number, size in enumerate(sizes)]
    store.put_pages("v", pages)
    store.commit_volume(VolumeRow("v", 0, 0, len(pages), 0, NOW), now=NOW)
    assert store.get_pages([("v", number) for number, _ in pages]) == [c for _, c in pages]
