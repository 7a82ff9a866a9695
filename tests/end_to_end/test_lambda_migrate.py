"""A deployment's two functions over one database: one makes the tables, the other uses them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from function_material import batch, created, failures, function_environment
from postgres_material import PACKAGE, Server, server_or_skip, session_folder
from runtime_api import runtime
from small_material import put, song, title

from songid.plugin_manager import load

SONG = "songs_to_index/song.mp3"
MIGRATE = {"songid": "migrate"}


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Server:
    return server_or_skip(session_folder(tmp_path_factory), PACKAGE)


def environment(folder: Path, **settings: Any) -> dict[str, str]:
    return {**os.environ, **function_environment(folder, **settings)}


def test_a_function_that_was_there_before_the_tables_goes_on_once_they_are_made(
    server: Server, tmp_path: Path
) -> None:
    put(tmp_path / "inbox" / SONG, song(1))
    schema = role = f"deployed_{os.getpid()}"
    worker_store = server.url(schema, role)
    worker = environment(tmp_path, store=worker_store)
    # It has no inbox, nor anything else but the store.
    migrator = environment(
        tmp_path,
        store=server.url(schema, grant=role),
        inbox="",
        sinks=[],
        function__dead_letters="",
    )
    event = batch(created(SONG))
    with runtime(tmp_path, worker) as working, runtime(tmp_path, migrator) as migrating:
        for _ in range(5):  # and is opened anew in between
            assert failures(working.invoke(event).answer) == ["m0"]
        refused = working.invoke(MIGRATE)
        assert refused.error is not None and refused.error["errorType"] == "StoreError"

        assert migrating.invoke(MIGRATE).answer == {
            "steps": [
                f"Created the schema {schema}.",
                "Created the tables (version 1).",
                f"Created the role {role}.",
                f"Let the role {role} use the tables of the schema {schema}.",
            ]
        }
        assert migrating.invoke(MIGRATE).answer == {"steps": []}
        assert failures(working.invoke(event).answer) == []
        assert working.invoke({"songid": "merge"}).answer == {"merges": 0}
        # At each invocation of a deployment; its own store is of this version.
        assert working.invoke(MIGRATE).answer == {"steps": []}
        for running in (working, migrating):
            assert running.process.poll() is None
            assert "the store cannot be used yet: " in running.output()
            assert "it cannot start" not in running.output()
    store = load().open("stores", worker_store)
    assert [each.title for each in store.recordings()] == [title(1)]
    store.close()


def test_a_migrator_that_starts_over_tables_that_are_there_has_nothing_to_do(
    server: Server, tmp_path: Path
) -> None:
    schema = f"deployed_again_{os.getpid()}"
    settings = environment(tmp_path, store=server.url(schema), inbox="")
    with runtime(tmp_path, settings) as first:
        assert len(first.invoke(MIGRATE).answer["steps"]) == 2
    with runtime(tmp_path, settings) as second:
        assert second.invoke(MIGRATE).answer == {"steps": []}
        assert "the store cannot be used yet" not in second.output()
