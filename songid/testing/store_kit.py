"""What the parts of the store kit share: how a store is opened, and plain examples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from songid.interfaces import Store
from songid.model import Recording, VolumeRow

NOW = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
LATER = timedelta(days=30_000)

property_settings = settings(
    max_examples=40,
    deadline=None,
    # One store serves all examples (each writes keys of its own), and the test is
    # inherited by every subclass of the kit on purpose.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)


class StoreKit:
    """The base of the kit's parts."""

    shared_by_processes = True
    many = 2500  # more than one request takes; fewer where a stand-in for a service is slow

    def open_store(self, place: Path) -> Store:
        """Open the store kept at `place`, a folder of the test's own."""
        raise NotImplementedError("a subclass says how to open its store")

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        """A store with nothing in it."""
        store = self.open_store(tmp_path)
        yield store
        store.close()


def volume(volume_id: str, pages: int = 1, created_at: datetime = NOW) -> VolumeRow:
    """A row for a volume of `pages` pages."""
    return VolumeRow(
        volume_id,
        tier=1,
        postings=100 * pages,
        pages=pages,
        size_bytes=1000 * pages,
        created_at=created_at,
    )


def write_volume(
    store: Store,
    volume_id: str,
    recordings: Sequence[Recording] = (),
    *,
    replaces: Sequence[str] = (),
    removes: Sequence[str] = (),
    now: datetime = NOW,
    created_at: datetime = NOW,
) -> list[Recording]:
    """Write and commit a volume of one page, whose content names it."""
    store.put_pages(volume_id, [(0, volume_id.encode())])
    return store.commit_volume(
        volume(volume_id, created_at=created_at),
        recordings,
        replaces=replaces,
        removes=removes,
        now=now,
    )


def volume_ids(store: Store) -> list[str]:
    """The ids of the live volumes."""
    return [row.volume_id for row in store.volumes()]


def ids(recordings: Sequence[Recording]) -> set[str]:
    """The ids of some recordings."""
    return {recording.recording_id for recording in recordings}
