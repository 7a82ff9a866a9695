"""The shipped stores, held to what every store must do."""

from __future__ import annotations

from pathlib import Path

from songid.interfaces import Store
from songid.plugin_manager import load
from songid.testing.stores import StoreConformance


class TestSqliteStore(StoreConformance):
    def open_store(self, place: Path) -> Store:
        store: Store = load().open("stores", f"sqlite:{place}/store")
        return store


class TestMemoryStore(StoreConformance):
    shared_by_processes = False

    def open_store(self, place: Path) -> Store:
        store: Store = load().open("stores", f"memory:{place}")
        return store
