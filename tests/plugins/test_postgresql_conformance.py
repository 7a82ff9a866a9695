"""The PostgreSQL store, held to what every store must do, by two versions of PostgreSQL."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import ClassVar

import pytest
from postgres_material import MACHINE, PACKAGE, Server, server_or_skip, session_folder

from songid.interfaces import Store
from songid.plugin_manager import load
from songid.testing.stores import StoreConformance


class PostgresqlConformance(StoreConformance):
    which: ClassVar[str]
    server: Server

    @pytest.fixture(autouse=True)
    def its_server(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        self.server = server_or_skip(session_folder(tmp_path_factory), self.which)

    def open_store(self, place: Path) -> Store:
        schema = "kit_" + hashlib.sha256(str(place).encode()).hexdigest()[:16]
        store = load().open("stores", self.server.url(schema))
        store.migrate()
        assert isinstance(store, Store)
        return store


class TestPostgresqlOfThePackage(PostgresqlConformance):
    which = PACKAGE


class TestPostgresqlOfTheMachine(PostgresqlConformance):
    which = MACHINE
