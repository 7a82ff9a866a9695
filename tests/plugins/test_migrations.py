"""Stores whose tables are made on request pass the kit for such: made once, by whoever is first."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from postgres_material import PACKAGE, Server, server_or_skip, session_folder

from songid.plugin_manager import load
from songid.testing.store_migrations import MigratableStore
from songid.testing.stores import MigratableConformance


def own_name(place: Path) -> str:
    return f"kit_{hashlib.sha256(str(place).encode()).hexdigest()[:16]}"


class TestPostgresql(MigratableConformance):
    server: Server

    @pytest.fixture(autouse=True)
    def its_server(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        self.server = server_or_skip(session_folder(tmp_path_factory), PACKAGE)

    def open_unmigrated(self, place: Path) -> MigratableStore:
        store: MigratableStore = load().open("stores", self.server.url(own_name(place)))
        return store


@pytest.mark.usefixtures("cloud")
class TestDynamoDB(MigratableConformance):
    def open_unmigrated(self, place: Path) -> MigratableStore:
        store: MigratableStore = load().open("stores", f"dynamodb://{own_name(place)}")
        return store
