"""What requests of the DynamoDB store cost, in the units that DynamoDB Local counts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from dynamodb_material import (
    client_of,
    counting,
    credentials,
    local_endpoint,
    session_folder,
)

from songid.model import Heard, Match, Recording, SoundKind, SoundSpan
from songid.testing.store_journal import segments
from songid.testing.store_kit import LATER, NOW, volume, write_volume
from songid_plugins.stores.dynamodb import DynamoStore
from songid_plugins.stores.dynamodb_pages import PAGE_OVERHEAD_BYTES, PART_BYTES
from songid_plugins.stores.dynamodb_table import Table

VOLUME = "0123456789abcdef"
_FULL = 4096 - PAGE_OVERHEAD_BYTES


@pytest.fixture(autouse=True)
def _credentials() -> Iterator[None]:
    with credentials():
        yield


@pytest.fixture
def client(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return client_of(local_endpoint(session_folder(tmp_path_factory)), "the counted")


@pytest.fixture
def store(client: Any) -> DynamoStore:
    store = DynamoStore(Table(client, f"songid-{uuid4().hex}"))
    store.migrate()
    return store


def noise(size: int) -> bytes:
    return np.random.default_rng(size).bytes(size)


def heard_of_a_song() -> Heard:
    """As a segment of known music is journalled, with a weak second match."""
    match = Match(
        uuid4().hex[:16], 101.35201814058957, 0.13931972789115646, 11.934512471655329, 214,
        87.51937461853027, 0.9999999371, 1,
    )  # fmt: skip
    weak = Match(
        uuid4().hex[:16], -3.1810430839002266, 2.2291156462585034, 8.916462585034013, 9,
        4.127304553985596, 0.41230769,
    )  # fmt: skip
    sounds = (SoundSpan(0.0, 11.2, SoundKind.MUSIC), SoundSpan(11.2, 12.0, SoundKind.SPEECH))
    source = "s3://radio-audio/songs_to_check/streams/radio1_20240501T120000Z.004711.ts"
    return Heard("radio1", NOW, 12.0, (match, weak), sounds, source)


def test_a_full_page_is_written_for_four_units_and_read_for_half_a_unit(
    client: Any, store: DynamoStore
) -> None:
    pages = [(0xFFFFFF00 + number, noise(_FULL)) for number in range(40)]
    with counting(client) as cost:
        store.put_pages(VOLUME, pages)
    assert cost.units["BatchWriteItem"] == 4 * 40
    assert cost.written <= 4 * 40 + 2
    with counting(client) as cost:
        store.get_pages([(VOLUME, number) for number, _ in pages])
    assert (cost.read, cost.requests.total()) == (20, 1)


def test_a_page_one_byte_longer_than_that_costs_a_unit_more(
    client: Any, store: DynamoStore
) -> None:
    with counting(client) as cost:
        store.put_pages(VOLUME, [(0xFFFFFF00, noise(_FULL + 1))])
    assert cost.units["BatchWriteItem"] == 5


def test_a_large_page_costs_little_more_than_its_bytes(client: Any, store: DynamoStore) -> None:
    large = noise(2_500_000)
    with counting(client) as cost:
        store.put_pages(VOLUME, [(0, large)])
    parts = -(-len(large) // PART_BYTES)
    assert len(large) / 1024 <= cost.units["BatchWriteItem"] <= len(large) / 1024 + 2 * parts
    with counting(client) as cost:
        assert store.get_pages([(VOLUME, 0)]) == [large]
    assert cost.read <= len(large) / 8192 + 2 * parts


def test_the_catalogue_is_asked_for_in_one_small_request(client: Any, store: DynamoStore) -> None:
    for number in range(30):
        write_volume(store, f"{number:016x}", created_at=NOW + timedelta(seconds=number))
    for ask in (store.catalogue_version, store.volumes):
        with counting(client) as cost:
            ask()
        assert (cost.read, cost.requests.total()) == (1, 1)


def test_removed_ids_are_read_again_only_after_a_removal(client: Any, store: DynamoStore) -> None:
    write_volume(store, "v", [Recording(f"{number:016x}", "R") for number in range(100)])
    store.commit_volume(None, removes=[f"{number:016x}" for number in range(50)], now=NOW)
    assert len(store.removed_ids()) == 50
    write_volume(store, "w", [Recording("another", "R")])
    with counting(client) as cost:
        assert len(store.removed_ids()) == 50
    assert (cost.read, cost.requests) == (1, {"GetItem": 1})


def test_recordings_known_already_cost_one_unit_to_ask_for_again(
    client: Any, store: DynamoStore
) -> None:
    songs = [Recording(f"{number:016x}", "R") for number in range(40)]
    write_volume(store, "v", songs)
    names = [each.recording_id for each in songs]
    assert store.recordings(names) == songs
    with counting(client) as cost:
        assert store.recordings(names[5:15]) == songs[5:15]
    assert cost.read == 1
    store.update_recordings([Recording(names[7], "Renamed")])
    assert store.recordings(names[7:8])[0].title == "Renamed"


def test_a_song_costs_a_handful_of_units_beside_its_pages(client: Any, store: DynamoStore) -> None:
    songs = [
        Recording(
            uuid4().hex[:16], f"The Song Number {number}", "The Artists", "An Album", "Records",
            "GBAAA2400001", 241.2, f"s3://radio-audio/songs_to_index/Artist/{number:03} Song.mp3",
            uuid4().hex * 2, uuid4().hex * 2, 19_200, NOW,
        )
        for number in range(64)
    ]  # fmt: skip
    store.put_pages(VOLUME, [(0, b"")])
    with counting(client) as cost:
        store.commit_volume(volume(VOLUME), songs, now=NOW)
    assert cost.written <= 64 * 5 + 12
    with counting(client) as cost:
        write_volume(store, "w", [Recording("r", "R", content_sha256="c", source="s")])
    assert cost.written <= 20


def test_a_segments_bookkeeping_costs_a_unit_for_each_thing_noted(
    client: Any, store: DynamoStore
) -> None:
    heard = heard_of_a_song()
    store.put_heards([heard])
    steps = {
        "claim": lambda: store.claim(["s3:bucket:key:version"], "me", 60.0, NOW),
        "complete": lambda: store.complete(["s3:bucket:key:version"], "me", NOW),
        "put_heards": lambda: store.put_heards([heard]),
        "put_meta": lambda: store.put_meta("day:radio1:2024-05-01", "0123456789abcdef"),
    }
    for name, step in steps.items():
        with counting(client) as cost:
            step()
        assert (name, cost.written, cost.read) == (name, 1, 0)
    with counting(client) as cost:
        store.claim(["play:a", "play:b"], "me", 60.0, NOW)
    assert cost.written == 4


def test_the_last_quarter_of_an_hour_is_read_in_one_request(
    client: Any, store: DynamoStore
) -> None:
    start = NOW - timedelta(minutes=15)
    quiet = segments("radio1", 75, start)
    heards = [Heard("radio1", each.start, 12.0, *_rest(heard_of_a_song())) for each in quiet]
    store.put_heards(heards)
    with counting(client) as cost:
        assert store.heards("radio1", start, NOW) == heards
    assert cost.requests == {"Query": 1}
    assert cost.read <= 75 * 400 / 4096 + 1


def test_deleting_a_page_costs_as_much_as_writing_it(client: Any, store: DynamoStore) -> None:
    pages = [(number, noise(_FULL)) for number in range(40)]
    store.put_pages(VOLUME, pages)
    with counting(client) as cost:
        store.drop_retired(retired_before=NOW, orphans_before=NOW + LATER)
    assert cost.units["BatchWriteItem"] == 4 * 40


def _rest(heard: Heard) -> tuple[object, ...]:
    return heard.matches, heard.sounds, heard.source
