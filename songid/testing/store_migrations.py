"""The store kit's part on migration: subclass `MigratableConformance` and say how to open one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import pytest

from songid.errors import StoreError
from songid.interfaces import Migratable, Store
from songid.model import Heard
from songid.testing.store_kit import NOW


class MigratableStore(Store, Migratable, Protocol):
    """A store that has to be migrated before it is used."""


class MigratableConformance:
    """Everything a `songid.interfaces.Migratable` must do."""

    def open_unmigrated(self, place: Path) -> MigratableStore:
        """Open the store at `place`, a folder of the test's own, as its user first does.

        Opened twice with the same place it must give two handles to the same store.
        """
        raise NotImplementedError("a subclass says how to open its store")

    @pytest.fixture
    def unmigrated(self, tmp_path: Path) -> Iterator[MigratableStore]:
        """A store that nobody has migrated."""
        store = self.open_unmigrated(tmp_path)
        yield store
        store.close()

    def test_it_is_migratable(self, unmigrated: MigratableStore) -> None:
        assert isinstance(unmigrated, Migratable)
        assert isinstance(unmigrated, Store)

    def test_before_it_is_migrated_an_error_says_how(self, unmigrated: MigratableStore) -> None:
        with pytest.raises(StoreError, match="songid store migrate"):
            unmigrated.put_meta("key", "value")

    def test_it_is_used_at_once_when_it_was_migrated(self, unmigrated: MigratableStore) -> None:
        steps = unmigrated.migrate()
        assert steps
        assert all(" " in step.strip() for step in steps), "each is a sentence"
        unmigrated.put_meta("key", "value")
        assert unmigrated.get_meta("key") == "value"

    def test_migrating_again_does_nothing_and_keeps_what_is_there(
        self, unmigrated: MigratableStore, tmp_path: Path
    ) -> None:
        unmigrated.migrate()
        unmigrated.put_meta("key", "value")
        unmigrated.put_heards([Heard("radio", NOW, 12.0)])
        assert unmigrated.migrate() == []
        other = self.open_unmigrated(tmp_path)
        assert other.migrate() == []
        assert other.get_meta("key") == "value"
        assert other.heards("radio") == [Heard("radio", NOW, 12.0)]
        other.close()

    def test_many_may_migrate_at_once(self, unmigrated: MigratableStore, tmp_path: Path) -> None:
        handles = [unmigrated, *(self.open_unmigrated(tmp_path) for _ in range(3))]
        with ThreadPoolExecutor(len(handles)) as pool:
            steps = list(pool.map(lambda store: store.migrate(), handles))
        assert any(steps)
        for store in handles:
            assert store.migrate() == []
            store.put_meta("key", "value")
        for store in handles[1:]:
            store.close()
