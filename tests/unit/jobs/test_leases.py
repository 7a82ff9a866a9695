from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from songid.interfaces import Store
from songid.jobs.leases import Leases
from songid.plugin_manager import load


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def store() -> Store:
    store: Store = load().open("stores", "memory")
    return store


def test_what_is_held_stays_held_however_long_the_work_takes(store: Store) -> None:
    with Leases(store, now, lease_s=0.3) as leases:
        assert leases.take(["a", "b"]) == ["a", "b"]
        time.sleep(0.7)
        assert not store.claim(["a"], "another", 1, now())
        assert leases.complete(["a", "b"]) == []
    assert store.completed(["a", "b"]) == {"a", "b"}


def test_only_what_nobody_has_is_taken(store: Store) -> None:
    store.claim(["a"], "another", 60, now())
    with Leases(store, now) as leases:
        assert leases.take(["a", "b", "c"]) == ["b", "c"]
        assert leases.take(["a"]) == []


def test_what_is_not_done_at_the_end_is_given_back(store: Store) -> None:
    with pytest.raises(RuntimeError), Leases(store, now) as leases:
        leases.take(["a", "b"])
        leases.complete(["a"])
        raise RuntimeError
    assert not store.claim(["a"], "another", 60, now())
    assert store.claim(["b"], "another", 60, now())


def test_what_was_lost_to_another_is_named_and_the_rest_completed(store: Store) -> None:
    with Leases(store, now) as leases:
        leases.take(["a", "b"])
        store.claim(["a"], "another", 60, now() + timedelta(hours=1))
        assert leases.complete(["a", "b"]) == ["a"]
    assert store.completed(["a", "b"]) == {"b"}
