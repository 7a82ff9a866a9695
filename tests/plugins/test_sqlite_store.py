"""What is the embedded store's own: its file, its errors, its space, and sudden deaths."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent

import pytest

from songid.errors import PluginError, StoreError
from songid.interfaces import Store
from songid.model import Recording, VolumeRow
from songid.plugin_manager import load
from songid.testing.store_journal import segments
from songid.testing.store_kit import LATER, NOW, ids, volume_ids, write_volume
from songid_plugins.stores import sqlite_schema

FILE_NAME = "songid.sqlite3"


def open_store(folder: Path) -> Store:
    store: Store = load().open("stores", f"sqlite:{folder}")
    return store


def bytes_on_disk(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


def write_pages(store: Store, volume_id: str, count: int, size_bytes: int) -> int:
    chance = random.Random(volume_id)
    pages = [
        (n, chance.randbytes(chance.randint(size_bytes // 2, size_bytes))) for n in range(count)
    ]
    store.put_pages(volume_id, pages)
    written = sum(len(content) for _, content in pages)
    store.commit_volume(VolumeRow(volume_id, 0, 0, count, written, NOW), now=NOW)
    return written


# -- the file -------------------------------------------------------------------------


def test_the_folder_is_made_and_holds_one_file_once_closed(tmp_path: Path) -> None:
    store = open_store(tmp_path / "new" / "folder with % and é")
    write_volume(store, "v", [Recording("r", "R")])
    store.close()
    assert [file.name for file in (tmp_path / "new" / "folder with % and é").iterdir()] == [
        FILE_NAME
    ]


def test_pages_cost_less_than_three_percent_more_on_disk_than_their_bytes(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    written = sum(write_pages(store, f"v{number}", 60, 50_000) for number in range(4))
    store.close()
    assert bytes_on_disk(tmp_path) / written < 1.03


def test_the_space_of_dropped_volumes_is_given_back(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    kept = write_pages(store, "kept", 20, 50_000)
    write_pages(store, "dropped", 100, 50_000)
    write_pages(store, "last", 1, 50_000)
    store.commit_volume(None, replaces=["dropped"], now=NOW)
    assert store.drop_retired(retired_before=NOW + LATER, orphans_before=NOW) == 1
    store.close()
    assert bytes_on_disk(tmp_path) < kept * 1.2
    again = open_store(tmp_path)
    assert set(volume_ids(again)) == {"kept", "last"}
    assert sum(map(len, again.get_pages([("kept", page) for page in range(20)]))) == kept
    again.close()


def test_a_file_name_that_is_not_utf8_is_kept(tmp_path: Path) -> None:
    source = os.fsdecode(b"caf\xe9.mp3")
    store = open_store(tmp_path)
    recording = Recording("r", "R", source=source)
    write_volume(store, "v", [recording])
    assert store.find_recordings(source=source) == [recording]
    store.close()


# -- errors ---------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["sqlite", "sqlite:", "sqlite://songs", "sqlite:songs?fast=1"])
def test_a_url_without_a_folder_or_with_unknown_options_is_refused(url: str) -> None:
    with pytest.raises(PluginError, match="sqlite"):
        load().open("stores", url)


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be made"):
        open_store(tmp_path / "file" / "store")


def test_a_file_that_is_no_database_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"this is a letter, not a database\n" * 500)
    with pytest.raises(StoreError, match="not a songid database"):
        open_store(tmp_path)


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE_NAME) as other:
        other.execute("CREATE TABLE theirs (x)")
    other.close()
    before = (tmp_path / FILE_NAME).read_bytes()
    with pytest.raises(StoreError, match="another program"):
        open_store(tmp_path)
    assert (tmp_path / FILE_NAME).read_bytes() == before


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE_NAME) as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(StoreError, match="newer songid"):
        open_store(tmp_path)


def test_an_older_schema_is_brought_up_to_date_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(tmp_path)
    write_volume(store, "v", [Recording("r", "R")])
    store.close()
    newer = (*sqlite_schema.MIGRATIONS, ("CREATE TABLE moods (recording_id TEXT)",))
    monkeypatch.setattr(sqlite_schema, "MIGRATIONS", newer)
    monkeypatch.setattr(sqlite_schema, "SCHEMA_VERSION", len(newer))
    for _ in range(2):
        store = open_store(tmp_path)
        assert ids(store.recordings()) == {"r"}
        store.close()
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        assert database.execute("SELECT count(*) FROM moods").fetchone() == (0,)
        assert database.execute("PRAGMA user_version").fetchone() == (len(newer),)
    database.close()


def test_a_damaged_database_is_a_clear_error(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    write_pages(store, "v", 40, 50_000)
    store.close()
    content = bytearray((tmp_path / FILE_NAME).read_bytes())
    content[4096:] = random.Random(1).randbytes(len(content) - 4096)
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        open_store(tmp_path).get_pages([("v", page) for page in range(40)])


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.volumes()


def run_program(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", dedent(program), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_full_disk_is_a_clear_error_and_loses_nothing(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    write_volume(store, "before")
    store.close()
    done = run_program(
        """
        import resource, signal, sys
        from songid.errors import StoreError
        from songid.plugin_manager import load
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
        store = load().open("stores", "sqlite:" + sys.argv[1])
        try:
            store.put_pages("large", [(page, bytes(50_000)) for page in range(100)])
        except StoreError as error:
            print(error)
        """,
        str(tmp_path),
    )
    assert "free space" in done.stdout or "disk is full" in done.stdout, done
    again = open_store(tmp_path)
    write_pages(again, "large", 100, 50_000)
    assert set(volume_ids(again)) == {"before", "large"}
    again.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user for a moment")
def test_a_folder_without_write_permission_is_a_clear_error(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    store.close()
    done = run_program(
        """
        import os, sys
        from songid.errors import StoreError
        from songid.plugin_manager import load
        plugins = load()
        import songid_plugins.stores.sqlite
        os.chdir(sys.argv[1])
        os.setuid(65534)
        try:
            plugins.open("stores", "sqlite:store").put_meta("a", "b")
        except StoreError as error:
            print(error)
        """,
        str(tmp_path),
    )
    assert "permissions" in done.stdout, done


# -- forks ----------------------------------------------------------------------------


def test_a_handle_may_be_used_on_both_sides_of_a_fork(tmp_path: Path) -> None:
    """Also while other threads of the parent use it, and after the parent has closed it."""
    store = open_store(tmp_path)
    write_volume(store, "v")
    stop = threading.Event()

    def keep_busy() -> None:
        turn = 0
        while not stop.is_set():
            store.put_heards(segments("parent", 1, NOW + timedelta(seconds=turn)))
            store.get_pages([("v", 0)])
            turn += 1

    def child(number: int) -> None:
        for turn in range(20):
            moment = NOW + timedelta(seconds=turn)
            store.put_heards(segments(f"child {number}", 1, moment))
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
    again = open_store(tmp_path)
    assert [len(again.heards(f"child {number}")) for number in range(3)] == [20, 20, 20]
    again.close()


# -- sudden deaths --------------------------------------------------------------------

WORKER = """
import json, sys
from datetime import UTC, datetime, timedelta
from songid.model import Heard, Recording, VolumeRow
from songid.plugin_manager import load

store, life = load().open("stores", "sqlite:" + sys.argv[1]), sys.argv[2]
now = datetime.now(UTC)

def say(*words):
    print(json.dumps(words), flush=True)

def write(volume_id, names, **how):
    pages = [json.dumps(names).encode(), *[bytes(50_000)] * 4]
    for number, content in enumerate(pages):
        store.put_pages(volume_id, [(number, content)])
    new = () if "replaces" in how else [Recording(name, "R", content_sha256=name) for name in names]
    store.commit_volume(VolumeRow(volume_id, 0, 0, 5, 0, now), new, now=now, **how)

turn = 0
while True:
    small = []
    for _ in range(3):
        turn += 1
        names = [f"{life}.{turn}.{each}" for each in range(2)]
        write(f"{life}.{turn}", names)
        small.append((f"{life}.{turn}", names))
        say("recordings", *names)
        start = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=turn)
        store.put_heards([Heard(f"{life} {side}", start, 1.0) for side in ("left", "right")])
        say("heards", turn)
    everything = [name for _, names in small for name in names]
    write(f"{life}.{turn}.merged", everything, replaces=[each for each, _ in small])
    store.drop_retired(retired_before=datetime.now(UTC), orphans_before=now - timedelta(days=1))
    store.claim([f"{life}.{turn}"], "me", 60, now)
    store.complete([f"{life}.{turn}"], "me", now)
    say("completed", f"{life}.{turn}")
"""


def test_a_kill_at_any_moment_loses_nothing_acknowledged_and_shows_nothing_half(
    tmp_path: Path,
) -> None:
    chance = random.Random(7)
    said: list[list[str]] = []
    heard: dict[str, int] = {}
    for life in ("one", "two", "three", "four", "five", "six"):
        with subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path), life], stdout=subprocess.PIPE, text=True
        ) as worker:
            assert worker.stdout is not None
            said.append(json.loads(worker.stdout.readline()))
            time.sleep(chance.uniform(0.0, 0.4))
            worker.send_signal(signal.SIGKILL)
            # The last line may have been cut by the kill; what was not said whole is no promise.
            for line in worker.stdout:
                if line.endswith("\n"):
                    said.append(json.loads(line))
                    if said[-1][0] == "heards":
                        heard[life] = int(said[-1][1])
        check_nothing_lost(tmp_path, said, heard)


def check_nothing_lost(folder: Path, said: list[list[str]], heard: dict[str, int]) -> None:
    store = open_store(folder)
    live = store.volumes()
    for row in live:
        assert len(store.get_pages([(row.volume_id, page) for page in range(row.pages)])) == 5
    in_volumes = [
        name
        for content in store.get_pages([(row.volume_id, 0) for row in live])
        for name in json.loads(content)
    ]
    promised = {name for what, *names in said if what == "recordings" for name in names}
    completed = {name for what, *names in said if what == "completed" for name in names}
    assert promised <= set(in_volumes)
    assert sorted(in_volumes) == sorted(ids(store.recordings()))
    assert store.completed(sorted(completed)) == completed
    for life, turns in heard.items():
        left, right = store.heards(f"{life} left"), store.heards(f"{life} right")
        assert len(left) == len(right) >= turns
    store.drop_retired(
        retired_before=datetime.now(UTC) + LATER, orphans_before=datetime.now(UTC) + LATER
    )
    store.close()
    with sqlite3.connect(folder / FILE_NAME) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        (pages,) = database.execute("SELECT count(*) FROM pages").fetchone()
    database.close()
    assert pages == 5 * len(live)
