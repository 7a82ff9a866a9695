"""Whoever dies while the catalogue in DynamoDB is changed leaves all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from dynamodb_material import (
    Killed,
    any_endpoint,
    client_of,
    credentials,
    killed_at,
    meanwhile,
    session_folder,
    unheard,
)

from songid.errors import StoreError
from songid.model import Recording
from songid.testing.store_kit import LONG_AGO, NOW, ids, volume, volume_ids, write_volume
from songid_plugins.stores.dynamodb import DynamoStore
from songid_plugins.stores.dynamodb_table import Table

SOON = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _credentials() -> Iterator[None]:
    with credentials():
        yield


@pytest.fixture
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return any_endpoint(session_folder(tmp_path_factory))


@dataclass
class Place:
    """A table, and handles to it with clients of their own."""

    endpoint: str
    name: str

    def opened(
        self, whose: str = "", *, workers: int = 1, locked_for_s: float = 0.0
    ) -> tuple[DynamoStore, Any]:
        client = client_of(self.endpoint, whose)
        table = Table(client, self.name, patience_s=5.0, workers=workers)
        return DynamoStore(table, locked_for_s=locked_for_s), client

    def items(self) -> list[dict[str, Any]]:
        pages = client_of(self.endpoint).get_paginator("scan").paginate(TableName=self.name)
        found: list[dict[str, Any]] = [item for page in pages for item in page["Items"]]
        return found


@pytest.fixture
def new_place(endpoint: str) -> Callable[[], Place]:
    def make() -> Place:
        place = Place(endpoint, f"songid-{uuid4().hex}")
        place.opened()[0].migrate()
        return place

    return make


def song(name: str, content: str = "", **fields: Any) -> Recording:
    return Recording(name, name, content_sha256=content, source=f"{name}.mp3", **fields)


def state(store: DynamoStore) -> dict[str, Any]:
    """All that a reader sees of the catalogue."""
    recordings = [*store.recordings(), *store.recordings(removed=True)]
    return {
        "version": store.catalogue_version(),
        "volumes": volume_ids(store),
        "pages": store.get_pages([(name, 0) for name in volume_ids(store)]),
        "recordings": sorted(recordings, key=lambda each: each.recording_id),
        "removed": store.removed_ids(),
        "found": {
            each.source: ids(store.find_recordings(source=each.source)) for each in recordings
        },
    }


def leftovers(place: Place) -> list[str]:
    """What the table holds beyond what readers see."""
    store, _ = place.opened()
    known = {each.recording_id: each for each in store.recordings()}
    left = []
    for item in place.items():
        pk, sk = item["pk"]["S"], item["sk"]["S"]
        stale_hint = pk[0] == "H" and sk not in known
        if pk[0] == "T" or "c" in item or stale_hint:
            left.append(f"{pk} {sk}")
    return left


def prepared(place: Place) -> None:
    """A catalogue with two small volumes and three recordings."""
    store, _ = place.opened()
    write_volume(store, "a", [song("one", "c1"), song("two", "c2")])
    write_volume(store, "b", [song("three", "c3")])
    store.put_pages("merged", [(0, b"merged")])


def merge_add_and_remove(store: DynamoStore) -> None:
    store.commit_volume(
        volume("merged"),
        [song("four", "c4"), song("double", "c2"), song("instead", "c1")],
        replaces=["a", "b"],
        removes=["one"],
        now=NOW,
    )


def rename(store: DynamoStore) -> None:
    there = store.recordings(["one", "two"])
    store.update_recordings([replace(each, source=f"new {each.source}") for each in there])


def drop(store: DynamoStore) -> None:
    soon = datetime.now(UTC) + SOON
    store.drop_retired(retired_before=NOW + SOON, orphans_before=soon)


@pytest.mark.parametrize("change", [merge_add_and_remove, rename])
def test_a_change_killed_at_any_request_is_there_in_full_or_not_at_all(
    new_place: Callable[[], Place], change: Callable[[DynamoStore], None]
) -> None:
    whole = new_place()
    prepared(whole)
    before = state(whole.opened()[0])
    change(whole.opened()[0])
    after = state(whole.opened()[0])
    assert after["version"] > before["version"]
    assert leftovers(whole) == []
    outcomes = []
    for request in range(1, 200):
        place = new_place()
        prepared(place)
        dying, client = place.opened("the dying")
        with killed_at(client, request) as sent:
            try:
                change(dying)
            except Killed:
                pass
            else:
                break
        seen = state(place.opened()[0])
        assert seen in (before, after), f"killed at request {request} of {sent}"
        outcomes.append(seen == after)
        again, _ = place.opened()
        if seen == before:
            change(again)
        # What the dead left is cleared away, and takes nothing with it.
        drop(again)
        assert leftovers(place) == []
        assert {**state(again), "version": 0} == {**after, "version": 0}
    assert outcomes == sorted(outcomes)  # once it counts, it counts
    assert {True, False} == set(outcomes)


def test_a_clearing_killed_at_any_request_is_finished_by_the_next(
    new_place: Callable[[], Place],
) -> None:
    for request in range(1, 200, 7):  # most of them ask the volumes' many partitions
        place = new_place()
        prepared(place)
        store, client = place.opened("the hooked")
        merge_add_and_remove(store)
        store.put_pages("orphan", [(0, b"x"), (1, bytes(700_000))])
        seen = state(store)
        with killed_at(client, request):
            try:
                drop(store)
            except Killed:
                ended = False
            else:
                ended = True
        again, _ = place.opened()
        assert state(again) == seen
        drop(again)
        assert state(again) == seen
        kept = [item["pk"]["S"] for item in place.items() if item["pk"]["S"][0] in "PV"]
        assert sorted(kept) == ["P0merged", "V"]
        if ended:
            return
    pytest.fail("it never ends")


def test_pages_of_a_put_that_was_killed_do_not_count(new_place: Callable[[], Place]) -> None:
    pages = [(number, bytes([number])) for number in range(60)]
    for request in range(1, 50):
        place = new_place()
        dying, client = place.opened("the dying")
        with killed_at(client, request) as sent:
            try:
                dying.put_pages("v", pages)
            except Killed:
                pass
            else:
                break
        store, _ = place.opened()
        with pytest.raises(StoreError, match="has 0 of its 60 pages"):
            store.commit_volume(volume("v", 60), now=NOW)
        store.put_pages("v", pages)
        store.commit_volume(volume("v", 60), now=NOW)
    assert sent["BatchWriteItem"] == 3


def test_of_two_changes_at_once_the_later_sees_the_earlier(
    new_place: Callable[[], Place],
) -> None:
    place = new_place()
    prepared(place)
    store, client = place.opened("the hooked")
    other, _ = place.opened()
    store.put_pages("mine", [(0, b"mine")])

    def add_the_same() -> None:
        assert write_volume(other, "theirs", [song("theirs", "new")]) == []

    with meanwhile(client, "TransactWriteItems", add_the_same):
        (double,) = store.commit_volume(volume("mine"), [song("mine", "new")], now=NOW)
    assert double.recording_id == "mine"
    assert ids(store.find_recordings(content_sha256="new")) == {"theirs"}
    assert store.removed_ids() == {"mine"}
    assert set(volume_ids(store)) == {"a", "b", "mine", "theirs"}
    assert leftovers(place) == []


def test_who_is_slow_with_a_recording_that_another_needs_begins_anew(
    new_place: Callable[[], Place],
) -> None:
    place = new_place()
    prepared(place)
    store, client = place.opened("the hooked")
    other, _ = place.opened()

    def remove_it() -> None:
        other.commit_volume(None, removes=["two"], now=NOW)

    with meanwhile(client, "TransactWriteItems", remove_it):
        store.commit_volume(None, [song("two", "c2", artist="New")], removes=["one"], now=NOW)
    assert store.removed_ids() == {"one"}
    (two,) = store.recordings(["two"])
    assert two.artist == "New"
    assert leftovers(place) == []


def test_a_lock_is_waited_for_before_it_is_broken(new_place: Callable[[], Place]) -> None:
    place = new_place()
    prepared(place)
    dying, client = place.opened("the dying")
    with killed_at(client, 7) as sent, pytest.raises(Killed):
        dying.commit_volume(None, removes=["one"], now=NOW)
    assert any("c" in item for item in place.items()), sent
    patient, _ = place.opened(locked_for_s=0.4)
    began = datetime.now(UTC)
    patient.commit_volume(None, removes=["one"], now=NOW)
    assert datetime.now(UTC) - began >= timedelta(seconds=0.4)
    assert patient.removed_ids() == {"one"}


@pytest.mark.parametrize("times", [1, 3])
def test_a_change_that_counts_is_acknowledged_though_answers_are_lost(
    new_place: Callable[[], Place], times: int
) -> None:
    place = new_place()
    prepared(place)
    store, client = place.opened("the hooked")
    with unheard(client, "TransactWriteItems", times):
        merge_add_and_remove(store)
    assert volume_ids(store) == ["merged"]
    assert store.removed_ids() == {"one", "double"}
    assert leftovers(place) == []


def test_young_remains_of_commits_are_left_alone(new_place: Callable[[], Place]) -> None:
    place = new_place()
    prepared(place)
    dying, client = place.opened("the dying")
    with killed_at(client, 7), pytest.raises(Killed):
        dying.commit_volume(None, removes=["one"], now=NOW)
    store, _ = place.opened()
    an_hour_ago = datetime.now(UTC) - SOON
    store.drop_retired(retired_before=LONG_AGO, orphans_before=an_hour_ago)
    assert leftovers(place)
    drop(store)
    assert leftovers(place) == []
    assert store.removed_ids() == set()


def test_many_recordings_are_added_in_one_step_with_many_threads(
    new_place: Callable[[], Place],
) -> None:
    place = new_place()
    store, _ = place.opened(workers=8)
    songs = [song(f"song {number}", f"c{number}") for number in range(150)]
    write_volume(store, "v", songs)
    assert ids(place.opened()[0].recordings()) == ids(songs)
    again = [replace(each, recording_id=f"{each.recording_id} again") for each in songs]
    doubles = write_volume(store, "w", again)
    assert ids(doubles) == ids(again)
    assert leftovers(place) == []
