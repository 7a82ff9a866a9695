"""What the DynamoDB store has written stays readable: keys, packed contents, expiry."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from dynamodb_material import any_endpoint, client_of, credentials, session_folder
from hypothesis import given
from hypothesis import strategies as st

from songid.errors import StoreError
from songid.model import Heard, Match, Recording, SoundKind, SoundSpan, Warp
from songid.testing import strategies
from songid.testing.store_kit import NOW
from songid_plugins.stores import dynamodb_layout as layout
from songid_plugins.stores.dynamodb import DynamoStore
from songid_plugins.stores.dynamodb_pages import joined
from songid_plugins.stores.dynamodb_table import Table

_RECORDING = Recording(
    "0123456789abcdef", "Títle ✓", "The Artists", duration_s=241.2, source="s3://b/k.mp3",
    content_sha256="0f" * 32, audio_sha256="f0" * 32, landmarks=19_200, indexed_at=NOW,
)  # fmt: skip
_HEARD = Heard(
    "radio1", NOW, 12.0,
    (Match("0123456789abcdef", 101.35, 0.25, 11.5, 214, 87.5, 0.999, 1, Warp(1.03, 1.03)),),
    (SoundSpan(0.0, 12.0, SoundKind.MUSIC),),
    "s3://b/songs_to_check/streams/radio1_20240501T120000Z.000001.ts",
)  # fmt: skip


def test_the_dictionaries_are_those_that_contents_were_packed_with() -> None:
    digests = {
        name: hashlib.sha256(getattr(layout, name)).hexdigest()[:16]
        for name in ("HEARD_DICTIONARY", "RECORDING_DICTIONARY")
    }
    assert digests == {
        "HEARD_DICTIONARY": "d59b63ca956d5343",
        "RECORDING_DICTIONARY": "d308122357af1646",
    }


def test_contents_packed_by_the_first_version_are_read() -> None:
    recording = bytes.fromhex(
        "03c3300b8b076066871c5e0b64283c9a33193d081dc19c620c0b0df58cd02d4cd2cfc61976699441"
        "ccb0a6d04048c2438a2d236cb1054cbaa0080b3134c21a5b00"
    )
    heard = bytes.fromhex(
        "0223d1b5068646c626a666e616968949c929a96948ae3730d4333645f1829129b21f4c51fc606468"
        "02f7858539481223a2d0120722d51823272763527d9ca48f23d91625a664e61b0213af918981a981"
        "6188a11124fd8293b1212819d70200"
    )
    assert layout.unpack_recording(recording) == _RECORDING
    assert layout.unpack_heard("radio1", NOW, heard) == _HEARD
    assert layout.unpack_text(b"\0plain") == "plain"


def test_contents_of_a_later_version_are_refused() -> None:
    with pytest.raises(StoreError, match="upgrade songid"):
        layout.unpack(b"\x09whatever")


@given(raw=st.binary(max_size=200), times=st.integers(1, 50))
def test_bytes_are_unpacked_as_they_were_and_hardly_longer_when_packed(
    raw: bytes, times: int
) -> None:
    packed = layout.pack(raw * times)
    assert layout.unpack(packed) == raw * times
    assert len(packed) <= len(raw * times) + 1


@given(heard=strategies.heards, recording=strategies.recordings)
def test_any_heard_and_recording_is_unpacked_as_it_was(heard: Heard, recording: Recording) -> None:
    start = heard.start.astimezone(UTC)
    there = layout.unpack_heard(heard.station, start, layout.pack_heard(heard))
    assert replace(there, start=NOW) == replace(heard, start=NOW)
    back = layout.unpack_recording(layout.pack_recording(recording))
    assert replace(back, indexed_at=None, removed_at=None) == replace(
        recording, indexed_at=None, removed_at=None
    )


def test_a_heard_of_music_is_packed_into_a_quarter_of_its_unit() -> None:
    assert len(layout.pack_heard(_HEARD)) < 160
    assert len(layout.pack_recording(_RECORDING)) < 200


# -- keys -----------------------------------------------------------------------------


def test_keys_are_as_the_layout_says() -> None:
    assert layout.page_key("0123456789abcdef", 0x1A3F) == ("Pf0123456789abcdef", "1a3f")
    assert layout.page_key("0123456789abcdef", 0, 2) == ("P00123456789abcdef", "0.2")
    assert layout.recording_key("0123456789abcdef") == ("R3", "0123456789abcdef")
    assert layout.claim_key("job") == ("C18", "job")
    assert layout.meta_key("fingerprinter") == ("Mfingerprinter", "-")
    assert layout.journal_partition("radio1", "202405") == "J202405radio1"
    assert layout.journal_sort(NOW, "202405") == "00a0eebb000"
    assert layout.hint_partition("source", "a.mp3") == "Hs1eQrEWNPqPY5Q6kqOoR7HA"


@given(text=strategies.file_names, other=strategies.file_names)
def test_any_text_has_a_key_of_its_own(text: str, other: str) -> None:
    key = layout.key_text(text)
    assert 0 < len(key.encode()) <= 480
    assert (layout.key_text(other) == key) == (other == text)


def test_a_text_too_long_for_a_key_is_hashed() -> None:
    long = "s3://bucket/" + "é" * 1000
    assert len(layout.key_text(long).encode()) == 65
    assert layout.key_text(long) != layout.key_text(long + "e")


@given(moment=strategies.moments)
def test_a_moment_is_found_again_in_its_month(moment: datetime) -> None:
    month = layout.month_of(moment)
    sort = layout.journal_sort(moment, month)
    assert len(sort) == 11
    assert layout.journal_moment(month, sort) == moment.astimezone(UTC)


@given(st.lists(st.sets(st.integers(0, 60), max_size=20), max_size=5))
def test_runs_hold_the_numbers_they_were_given(puts: list[set[int]]) -> None:
    runs: tuple[tuple[int, int], ...] = ()
    for numbers in puts:
        runs = joined(runs, numbers)
    held = [number for first, last in runs for number in range(first, last + 1)]
    assert held == sorted(set().union(*puts))
    assert all(after > last + 1 for (_, last), (after, _) in pairwise(runs))


# -- expiry ---------------------------------------------------------------------------


@pytest.fixture
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with credentials():
        yield client_of(any_endpoint(session_folder(tmp_path_factory)))


@pytest.mark.parametrize(("days", "expires"), [(400, True), (0, False)])
def test_heards_and_claims_expire_so_long_after_they_were_put(
    client: Any, days: int, *, expires: bool
) -> None:
    table = Table(client, f"songid-{uuid4().hex}")
    store = DynamoStore(table, journal_days=days, claims_days=days)
    store.migrate()
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    store.put_heards([_HEARD, replace(_HEARD, start=tomorrow)])
    store.claim(["job"], "me", 60.0, NOW)
    store.claim(["done", "done too"], "me", 60.0, NOW)
    store.complete(["done"], "me", NOW)
    store.complete(["done too"], "me", tomorrow)
    found = {
        item["pk"]["S"][0] + item["sk"]["S"]: item.get("expires_at")
        for item in client.scan(TableName=table.name)["Items"]
        if item["pk"]["S"][0] in "JC"
    }
    assert len(found) == 5
    assert all((each is not None) == expires for each in found.values())
    if expires:
        days_left = sorted(
            round((int(each["N"]) - datetime.now(UTC).timestamp()) / 86400, 1)
            for each in found.values()
        )
        assert days_left == [400.0, 400.0, 400.0, 401.0, 401.0]
