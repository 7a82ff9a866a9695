"""The store kit's part on claims: who may do a job, and what is done for good."""

from __future__ import annotations

from datetime import timedelta

from songid.interfaces import Store
from songid.testing.store_kit import NOW, StoreKit

_LEASE_S = 60.0
_RUN_OUT = NOW + timedelta(seconds=_LEASE_S)
_JUST_BEFORE = _RUN_OUT - timedelta(microseconds=1)


class ClaimConformance(StoreKit):
    """Claims with a lease."""

    def test_a_key_is_given_to_one_owner_at_a_time(self, store: Store) -> None:
        assert store.claim(["job"], "me", _LEASE_S, NOW)
        assert not store.claim(["job"], "you", _LEASE_S, NOW)
        assert store.claim(["other"], "you", _LEASE_S, NOW)

    def test_all_keys_are_given_or_none(self, store: Store) -> None:
        assert store.claim(["b"], "me", _LEASE_S, NOW)
        assert not store.claim(["a", "b", "c"], "you", _LEASE_S, NOW)
        assert store.claim(["a", "c", "a"], "me", _LEASE_S, NOW)
        assert store.claim([], "you", _LEASE_S, NOW)

    def test_a_lease_that_ran_out_is_open_to_others(self, store: Store) -> None:
        store.claim(["job"], "me", _LEASE_S, NOW)
        assert not store.claim(["job"], "you", _LEASE_S, _JUST_BEFORE)
        assert store.claim(["job"], "you", _LEASE_S, _RUN_OUT)
        assert not store.claim(["job"], "me", _LEASE_S, _RUN_OUT)
        assert not store.complete(["job"], "me", _RUN_OUT)

    def test_an_owner_renews_its_lease(self, store: Store) -> None:
        store.claim(["job"], "me", _LEASE_S, NOW)
        assert store.claim(["job"], "me", _LEASE_S, _JUST_BEFORE)
        assert not store.claim(["job"], "you", _LEASE_S, _RUN_OUT)

    def test_a_completed_key_is_never_given_again(self, store: Store) -> None:
        store.claim(["job", "more"], "me", _LEASE_S, NOW)
        assert store.complete(["job", "more"], "me", NOW)
        assert store.completed(["job", "more", "unknown"]) == {"job", "more"}
        long_after = _RUN_OUT + timedelta(days=365)
        assert not store.claim(["job"], "you", _LEASE_S, long_after)
        assert not store.claim(["job"], "me", _LEASE_S, long_after)

    def test_an_owner_whose_lease_ran_out_may_complete_what_none_took(self, store: Store) -> None:
        store.claim(["job"], "me", _LEASE_S, NOW)
        assert store.complete(["job"], "me", _RUN_OUT + timedelta(hours=1))
        assert store.complete(["job"], "me", _RUN_OUT + timedelta(hours=2))

    def test_completing_what_is_not_ones_own_changes_nothing(self, store: Store) -> None:
        store.claim(["mine"], "me", _LEASE_S, NOW)
        store.claim(["yours"], "you", _LEASE_S, NOW)
        assert not store.complete(["mine", "yours"], "me", NOW)
        assert not store.complete(["mine", "unknown"], "me", NOW)
        assert store.completed(["mine", "yours"]) == set()

    def test_a_released_key_is_as_if_never_taken(self, store: Store) -> None:
        store.claim(["a", "b"], "me", _LEASE_S, NOW)
        store.release(["a", "b", "unknown"], "me")
        assert store.claim(["a", "b"], "you", _LEASE_S, NOW)
        assert not store.complete(["a"], "me", NOW)

    def test_releasing_spares_others_claims_and_completed_ones(self, store: Store) -> None:
        store.claim(["yours"], "you", _LEASE_S, NOW)
        store.claim(["done"], "me", _LEASE_S, NOW)
        store.complete(["done"], "me", NOW)
        store.release(["yours", "done"], "me")
        assert not store.claim(["yours"], "me", _LEASE_S, NOW)
        assert store.completed(["done"]) == {"done"}

    def test_old_claims_are_forgotten(self, store: Store) -> None:
        store.claim(["done", "late"], "me", _LEASE_S, NOW)
        store.complete(["done"], "me", NOW)
        store.complete(["late"], "me", NOW + timedelta(hours=1))
        store.claim(["run out"], "me", 1.0, NOW)
        store.claim(["open"], "me", 7200.0, NOW)
        assert store.drop_claims(NOW + timedelta(minutes=30)) == 2
        assert store.completed(["done", "late"]) == {"late"}
        assert not store.claim(["open"], "you", _LEASE_S, NOW)
        assert store.claim(["done", "run out"], "you", _LEASE_S, NOW)

    def test_thousands_of_keys_can_be_claimed_at_once(self, store: Store) -> None:
        keys = [f"key {number}" for number in range(self.many)]
        assert store.claim(keys, "me", _LEASE_S, NOW)
        assert not store.claim(keys[-1:], "you", _LEASE_S, NOW)
        assert store.complete(keys, "me", NOW)
        assert store.completed(keys) == set(keys)
