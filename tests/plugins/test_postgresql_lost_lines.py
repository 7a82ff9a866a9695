"""The PostgreSQL store when its line is cut: every operation is done, and done once."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from postgres_material import PACKAGE, Server, server_or_skip, session_folder
from postgres_proxy import Cut, Line, line_to

from songid.interfaces import Store
from songid.model import Recording
from songid.plugin_manager import load
from songid.testing.store_journal import segments
from songid.testing.store_kit import LATER, LONG_AGO, NOW, volume, write_volume

# All that a store holds, but not the moments at which this process wrote it.
_EVERYTHING = {
    "meta": "SELECT key, value FROM {0}.meta",
    "catalogue": "SELECT version FROM {0}.catalogue",
    "volumes": "SELECT volume_id, state, pages, created_at, retired_at FROM {0}.volumes",
    "pages": "SELECT volume_id, p.number, data FROM {0}.pages p "
    "JOIN {0}.volumes v ON v.number = p.volume",
    "recordings": "SELECT * FROM {0}.recordings",
    "heards": "SELECT * FROM {0}.heards",
    "claims": "SELECT * FROM {0}.claims",
}

ONE = Recording("one", "One", content_sha256="c1")
TWO = Recording("two", "Two", content_sha256="c2")


def fill(store: Store) -> None:
    write_volume(store, "old", [ONE, TWO])
    write_volume(store, "retired")
    store.commit_volume(None, replaces=["retired"], now=NOW)
    store.put_pages("begun", [(0, b"a"), (1, b"b")])
    store.put_meta("known", "before")
    store.put_heards(segments("station", 3))
    store.claim(["mine", "mine too"], "me", 60, NOW)
    store.claim(["done"], "me", 60, NOW)
    store.complete(["done"], "me", NOW)


@dataclass(frozen=True)
class Operation:
    """Something asked of a store, and what it answers."""

    name: str
    ask: Callable[[Any], object]
    answer: object = None

    def __str__(self) -> str:
        return self.name


OPERATIONS = [
    Operation("put_meta", lambda store: store.put_meta("known", "after")),
    Operation("put_meta_once", lambda store: store.put_meta_once("new", "mine"), "mine"),
    Operation("delete_meta", lambda store: store.delete_meta(["known"])),
    Operation(
        "put_pages",
        lambda store: store.put_pages("begun", [(n, bytes(4000)) for n in range(1, 20)]),
    ),
    Operation(
        "commit_volume",
        lambda store: store.commit_volume(
            volume("begun", 2),
            [Recording("double", "D", content_sha256="c2"), replace(ONE, recording_id="new")],
            replaces=["old"],
            removes=["one"],
            now=NOW,
        ),
        [Recording("double", "D", content_sha256="c2", removed_at=NOW)],
    ),
    Operation("update_recordings", lambda store: store.update_recordings([replace(ONE, title="")])),
    Operation("put_heards", lambda store: store.put_heards(segments("station", 5))),
    Operation(
        "drop_retired",
        lambda store: store.drop_retired(retired_before=NOW + LATER, orphans_before=LONG_AGO),
        1,
    ),
    Operation("drop_heards", lambda store: store.drop_heards(NOW + timedelta(seconds=20)), 2),
    Operation("drop_claims", lambda store: store.drop_claims(NOW + timedelta(seconds=1)), 1),
    Operation("claim", lambda store: store.claim(["new", "mine"], "me", 90, NOW), True),
    Operation("claim in vain", lambda store: store.claim(["new", "mine"], "you", 9, NOW), False),
    Operation("complete", lambda store: store.complete(["mine"], "me", NOW), True),
    Operation("release", lambda store: store.release(["mine"], "me")),
    Operation("get_pages", lambda store: store.get_pages([("old", 0)]), [b"old"]),
    Operation("recordings", lambda store: store.recordings(["two"]), [TWO]),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Server:
    return server_or_skip(session_folder(tmp_path_factory), PACKAGE)


@pytest.fixture(scope="module")
def line(server: Server) -> Iterator[Line]:
    with line_to(server.folder) as line:
        yield line


@pytest.fixture(scope="module")
def filled(server: Server) -> str:
    """A schema that holds something, from which others are filled."""
    schema = "lost_filled"
    with contextlib.closing(load().open("stores", server.url(f"{schema}_{os.getpid()}"))) as store:
        store.migrate()
        fill(store)
    return f"{schema}_{os.getpid()}"


@pytest.fixture(scope="module")
def schema() -> str:
    """The schema that operations change, filled anew for each."""
    return f"lost_line_{os.getpid()}"


@pytest.fixture(scope="module")
def store(server: Server, line: Line, schema: str) -> Iterator[Any]:
    """The store behind the line."""
    url = server.url(schema, host=str(line.folder), patience_s=20)
    with contextlib.closing(load().open("stores", url)) as store:
        store.migrate()
        yield store


def refill(server: Server, schema: str, filled: str) -> None:
    tables = [*_EVERYTHING]
    server.execute(
        f"TRUNCATE {', '.join(f'{schema}.{table}' for table in tables)} RESTART IDENTITY;"
        + "".join(
            f"INSERT INTO {schema}.{table} OVERRIDING SYSTEM VALUE SELECT * FROM {filled}.{table};"
            for table in tables
        )
        + f"ALTER SEQUENCE {schema}.volumes_number_seq RESTART 1000"
    )


def everything(server: Server, schema: str) -> dict[str, list[tuple[Any, ...]]]:
    with server.connect() as connection:
        return {
            name: sorted(map(repr, connection.execute(query.format(schema).encode())))
            for name, query in _EVERYTHING.items()
        }


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_an_operation_whose_line_is_cut_is_done_once(
    server: Server, line: Line, store: Any, schema: str, filled: str, operation: Operation
) -> None:
    """Cut at every message of the operation, in every way."""
    refill(server, schema, filled)
    store.volumes()  # lest connecting count
    line.begin()
    assert operation.ask(store) == operation.answer
    expected = everything(server, schema)
    for cut in Cut:
        for number in itertools.count():
            refill(server, schema, filled)
            store.volumes()
            line.begin(number, cut)
            assert operation.ask(store) == operation.answer, (cut, number)
            assert everything(server, schema) == expected, (cut, number)
            if not line.cuts:
                break
        assert number > 0


@pytest.mark.parametrize("cut", Cut, ids=lambda cut: cut.name.lower())
def test_a_migration_whose_line_is_cut_is_made_once(server: Server, line: Line, cut: Cut) -> None:
    for number in itertools.count():
        schema = f"lost_{cut.name}_{os.getpid()}_{number}".lower()
        store = load().open("stores", server.url(schema, host=str(line.folder)))
        line.begin(number, cut)
        steps = store.migrate()
        assert len(steps) == 2
        cuts = line.cuts
        line.begin()
        assert store.migrate() == []
        assert store.volumes() == []
        store.close()
        if not cuts:
            return
        assert number < 50
