"""The store kit's part on small facts, volumes, pages and recordings."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given

from songid.errors import PageGoneError, StoreError
from songid.interfaces import Store
from songid.model import Recording
from songid.testing import strategies
from songid.testing.store_kit import (
    LATER,
    LONG_AGO,
    NOW,
    StoreKit,
    ids,
    property_settings,
    volume,
    volume_ids,
    write_volume,
)


class CatalogueConformance(StoreKit):
    """Small facts, volumes, pages and recordings."""

    def test_it_is_a_store(self, store: Store) -> None:
        assert isinstance(store, Store)

    def test_a_new_store_is_empty(self, store: Store) -> None:
        assert store.volumes() == []
        assert store.recordings() == []
        assert store.removed_ids() == set()
        assert store.get_meta("fingerprinter") is None
        assert store.get_pages([]) == []

    def test_what_was_written_is_there_when_it_is_opened_again(self, tmp_path: Path) -> None:
        first = self.open_store(tmp_path)
        write_volume(first, "v", [Recording("r", "Title")])
        first.put_meta("key", "value")
        second = self.open_store(tmp_path)
        first.close()
        assert volume_ids(second) == ["v"]
        assert second.get_pages([("v", 0)]) == [b"v"]
        assert ids(second.recordings()) == {"r"}
        assert second.get_meta("key") == "value"
        second.close()

    def test_closing_twice_does_no_harm(self, tmp_path: Path) -> None:
        store = self.open_store(tmp_path)
        store.close()
        store.close()

    # -- small facts --------------------------------------------------------------

    def test_a_small_fact_is_replaced_by_the_next(self, store: Store) -> None:
        store.put_meta("key", "one")
        store.put_meta("key", "two")
        assert store.get_meta("key") == "two"

    def test_a_fact_put_once_stays_what_it_first_was(self, store: Store) -> None:
        assert store.put_meta_once("key", "one") == "one"
        assert store.put_meta_once("key", "two") == "one"
        assert store.get_meta("key") == "one"

    def test_small_facts_can_be_forgotten_and_remembered_anew(self, store: Store) -> None:
        store.put_meta("one", "1")
        store.put_meta("two", "2")
        store.delete_meta(["one", "never there"])
        store.delete_meta([])
        assert store.get_meta("one") is None
        assert store.get_meta("two") == "2"
        assert store.put_meta_once("one", "again") == "again"

    @given(value=strategies.texts)
    @property_settings
    def test_any_text_can_be_a_small_fact(self, store: Store, value: str) -> None:
        store.put_meta("any text", value)
        assert store.get_meta("any text") == value

    # -- volumes and pages --------------------------------------------------------

    def test_pages_come_back_whole_and_in_the_order_asked(self, store: Store) -> None:
        large = bytes(range(256)) * 800
        store.put_pages("v", [(0, b"zero"), (7, large)])
        store.put_pages("v", [(3, b"")])
        store.put_pages("w", [(0, b"other")])
        store.commit_volume(volume("v", 3), now=NOW)
        store.commit_volume(volume("w", 1), now=NOW)
        keys = [("v", 7), ("w", 0), ("v", 0), ("v", 3), ("v", 0)]
        assert store.get_pages(keys) == [large, b"other", b"zero", b"", b"zero"]

    def test_more_pages_than_fit_one_request_can_be_asked_for(self, store: Store) -> None:
        pages = [(number, f"page {number}".encode()) for number in range(1200)]
        store.put_pages("v", pages)
        store.commit_volume(volume("v", 1200), now=NOW)
        assert store.get_pages([("v", number) for number, _ in pages]) == [
            content for _, content in pages
        ]

    @pytest.mark.parametrize("key", [("v", 1), ("never", 0)])
    def test_a_page_that_is_not_there_is_gone(self, store: Store, key: tuple[str, int]) -> None:
        write_volume(store, "v")
        with pytest.raises(PageGoneError):
            store.get_pages([("v", 0), key])

    def test_a_volume_is_invisible_until_it_is_committed(self, store: Store) -> None:
        store.put_pages("v", [(0, b"first try")])
        store.put_pages("v", [(0, b"page")])
        assert store.volumes() == []
        row = volume("v")
        store.commit_volume(row, now=NOW)
        assert store.volumes() == [row]
        assert store.get_pages([("v", 0)]) == [b"page"]

    def test_volumes_are_listed_oldest_first(self, store: Store) -> None:
        for days in (2, 1, 3):
            write_volume(store, f"day {days}", created_at=NOW + timedelta(days=days))
        assert volume_ids(store) == ["day 1", "day 2", "day 3"]

    def test_a_committed_volume_cannot_be_written_or_committed_again(self, store: Store) -> None:
        write_volume(store, "v")
        with pytest.raises(StoreError):
            store.put_pages("v", [(0, b"changed")])
        with pytest.raises(StoreError):
            store.commit_volume(volume("v"), now=NOW)
        assert store.get_pages([("v", 0)]) == [b"v"]

    def test_replaced_volumes_are_readable_until_they_are_dropped(self, store: Store) -> None:
        write_volume(store, "a")
        write_volume(store, "b")
        write_volume(store, "merged", replaces=["a", "b"])
        assert volume_ids(store) == ["merged"]
        assert store.get_pages([("a", 0), ("b", 0)]) == [b"a", b"b"]
        assert store.drop_retired(retired_before=NOW, orphans_before=LONG_AGO) == 0
        soon = NOW + timedelta(microseconds=1)
        assert store.drop_retired(retired_before=soon, orphans_before=LONG_AGO) == 2
        with pytest.raises(PageGoneError):
            store.get_pages([("a", 0)])
        assert store.get_pages([("merged", 0)]) == [b"merged"]

    def test_a_merge_may_leave_no_volume_at_all(self, store: Store) -> None:
        write_volume(store, "a")
        store.commit_volume(None, replaces=["a"], now=NOW)
        assert store.volumes() == []

    def test_a_merge_of_what_another_merged_raises_and_changes_nothing(self, store: Store) -> None:
        write_volume(store, "a", [Recording("r", "R")])
        write_volume(store, "b")
        write_volume(store, "first", replaces=["a"])
        before = store.catalogue_version()
        store.put_pages("second", [(0, b"second")])
        with pytest.raises(StoreError):
            store.commit_volume(
                volume("second"),
                [Recording("new", "New")],
                replaces=["b", "a"],
                removes=["r"],
                now=NOW,
            )
        assert set(volume_ids(store)) == {"b", "first"}
        assert ids(store.recordings()) == {"r"}
        assert store.removed_ids() == set()
        assert store.catalogue_version() == before
        store.commit_volume(volume("second"), replaces=["b"], now=NOW)
        assert set(volume_ids(store)) == {"first", "second"}

    def test_pages_never_committed_are_dropped_as_orphans(self, store: Store) -> None:
        write_volume(store, "kept")
        store.put_pages("orphan", [(0, b"x")])
        now = datetime.now(UTC)
        an_hour_ago, soon = now - timedelta(hours=1), now + timedelta(hours=1)
        assert store.drop_retired(retired_before=LONG_AGO, orphans_before=an_hour_ago) == 0
        assert store.drop_retired(retired_before=LONG_AGO, orphans_before=soon) == 1
        assert store.get_pages([("kept", 0)]) == [b"kept"]
        with pytest.raises(PageGoneError):
            store.get_pages([("orphan", 0)])
        with pytest.raises(StoreError):
            store.commit_volume(volume("orphan"), now=NOW)
        assert volume_ids(store) == ["kept"]

    def test_the_catalogues_version_grows_with_every_change(self, store: Store) -> None:
        versions = [store.catalogue_version()]
        write_volume(store, "a", [Recording("r", "R")])
        versions.append(store.catalogue_version())
        store.update_recordings([Recording("r", "Renamed")])
        versions.append(store.catalogue_version())
        store.commit_volume(None, removes=["r"], now=NOW)
        versions.append(store.catalogue_version())
        store.commit_volume(None, replaces=["a"], now=NOW)
        versions.append(store.catalogue_version())
        assert versions == sorted(set(versions))
        store.recordings()
        store.put_meta("key", "value")
        assert store.catalogue_version() == versions[-1]

    # -- recordings ---------------------------------------------------------------

    @given(recording=strategies.recordings)
    @property_settings
    def test_a_recording_comes_back_exactly(self, store: Store, recording: Recording) -> None:
        store.commit_volume(None, [recording], now=NOW)
        (found,) = store.recordings([recording.recording_id])
        assert _in_utc(found) == _in_utc(recording)
        assert (recording.recording_id in store.removed_ids()) == (recording.removed_at is not None)
        if recording.source and recording.removed_at is None:
            assert found in store.find_recordings(source=recording.source)

    def test_recordings_are_found_by_id_whether_removed_or_not(self, store: Store) -> None:
        write_volume(store, "v", [Recording(f"r{number}", "R") for number in range(4)])
        store.commit_volume(None, removes=["r1", "unknown"], now=NOW)
        assert ids(store.recordings(["r1", "r2", "unknown"])) == {"r1", "r2"}
        assert ids(store.recordings()) == {"r0", "r2", "r3"}
        assert ids(store.recordings(removed=True)) == {"r1"}
        assert store.recordings([]) == []
        assert store.removed_ids() == {"r1"}

    def test_the_first_removal_is_remembered(self, store: Store) -> None:
        write_volume(store, "v", [Recording("r", "R")])
        store.commit_volume(None, removes=["r"], now=NOW)
        store.commit_volume(None, removes=["r"], now=NOW + LATER)
        assert [each.removed_at for each in store.recordings(["r"])] == [NOW]

    def test_live_recordings_are_found_by_content_audio_or_source(self, store: Store) -> None:
        one = Recording("1", "One", content_sha256="c1", audio_sha256="a", source="one.mp3")
        two = Recording("2", "Two", content_sha256="c2", audio_sha256="a", source="two.mp3")
        write_volume(store, "v", [one, two])
        assert ids(store.find_recordings(content_sha256="c1")) == {"1"}
        assert ids(store.find_recordings(audio_sha256="a")) == {"1", "2"}
        assert ids(store.find_recordings(source="two.mp3")) == {"2"}
        assert store.find_recordings(source="three.mp3") == []
        store.commit_volume(None, removes=["2"], now=NOW)
        assert ids(store.find_recordings(audio_sha256="a")) == {"1"}

    def test_a_double_of_a_live_recording_is_added_as_removed_and_returned(
        self, store: Store
    ) -> None:
        assert write_volume(store, "v", [Recording("1", "One", content_sha256="c")]) == []
        doubles = write_volume(
            store,
            "w",
            [
                Recording("2", "Two", content_sha256="c"),
                Recording("3", "Three", content_sha256="d"),
                Recording("4", "Four", content_sha256="d"),
            ],
            now=NOW,
        )
        assert ids(doubles) == {"2", "4"}
        assert all(each.removed_at == NOW for each in doubles)
        assert store.removed_ids() == {"2", "4"}
        assert ids(store.recordings()) == {"1", "3"}

    def test_unknown_content_is_never_a_double(self, store: Store) -> None:
        assert write_volume(store, "v", [Recording("1", "One"), Recording("2", "Two")]) == []
        assert ids(store.recordings()) == {"1", "2"}

    def test_a_recording_may_replace_one_of_the_same_content(self, store: Store) -> None:
        write_volume(store, "v", [Recording("old", "R", content_sha256="c")])
        new = Recording("new", "R", content_sha256="c")
        assert write_volume(store, "w", [new], removes=["old"]) == []
        assert ids(store.recordings()) == {"new"}
        assert store.removed_ids() == {"old"}

    def test_metadata_of_known_recordings_can_be_replaced(self, store: Store) -> None:
        recording = Recording("r", "Title", "Artist", landmarks=7, duration_s=0.1)
        write_volume(store, "v", [recording])
        renamed = replace(recording, title="Títle ✓", isrc="GBAAA0000001")
        store.update_recordings([renamed, Recording("unknown", "X")])
        assert store.recordings(["r", "unknown"]) == [renamed]

    def test_a_changed_content_is_found_by_the_new_value_only(self, store: Store) -> None:
        recording = Recording("r", "R", source="old.mp3")
        write_volume(store, "v", [recording])
        store.update_recordings([replace(recording, source="new.mp3")])
        assert store.find_recordings(source="old.mp3") == []
        assert ids(store.find_recordings(source="new.mp3")) == {"r"}

    def test_thousands_of_recordings_can_be_asked_for_at_once(self, store: Store) -> None:
        many = [Recording(f"{number:05}", "R") for number in range(self.many)]
        write_volume(store, "v", many)
        assert ids(store.recordings([each.recording_id for each in many])) == ids(many)


def _in_utc(recording: Recording) -> Recording:
    """With its times in UTC: times in an hour shown twice never compare equal elsewhere."""
    return replace(
        recording,
        indexed_at=recording.indexed_at and recording.indexed_at.astimezone(UTC),
        removed_at=recording.removed_at and recording.removed_at.astimezone(UTC),
    )
