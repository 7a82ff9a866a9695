"""The catalogue: additions, doubles, replacements, merges, and readers who are behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from catalogue_material import (
    WatchedStore,
    addition,
    excerpt,
    expected_postings,
    fingerprint,
    postings_of,
    random_fingerprint,
)

from songid.catalogue.catalogue import Catalogue
from songid.catalogue.page_cache import BYTES_PER_SLOT
from songid.catalogue.volumes import FANOUT
from songid.errors import FingerprinterMismatchError, StoreError
from songid.interfaces import Store
from songid.model import ComponentURL, Fingerprint
from songid_plugins.fingerprinters.bands import open_fingerprinter as open_bands
from songid_plugins.fingerprinters.landmark import Landmark

START = datetime(2025, 1, 1, tzinfo=UTC)
FAR = datetime(2200, 1, 1, tzinfo=UTC)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class InterruptedStore(WatchedStore):
    """A real store; `between` is called once, before the next pages are read."""

    between: Callable[[], object] | None = None

    def get_pages(self, keys: Sequence[tuple[str, int]]) -> list[bytes]:
        between, self.between = self.between, None
        if between is not None:
            between()
        return super().get_pages(keys)


def small(number: int) -> Fingerprint:
    """Ten landmarks that no other number has."""
    return fingerprint([(10 * number + n, 3 * n) for n in range(10)])


def add(catalogue: Catalogue, name: str, of: Fingerprint, **more: str) -> str:
    (added,) = catalogue.add([addition(name, of, **more)])
    return added.recording.recording_id


def titles(catalogue: Catalogue, query: Fingerprint, least: float = 3.0) -> list[str]:
    named = {each.recording_id: each.title for each in catalogue.store.recordings()}
    return [named[each.recording_id] for each in catalogue.search(query, least_score=least)]


# -- adding ---------------------------------------------------------------------------


def test_what_is_added_is_described_and_searchable_at_once(catalogue: Catalogue) -> None:
    one, other = catalogue.add(
        [addition("one", random_fingerprint(1)), addition("other", random_fingerprint(2))]
    )
    assert (one.already_there, one.replaced) == (False, ())
    assert one.recording.landmarks == 400
    assert one.recording.indexed_at is not None
    assert one.recording.recording_id != other.recording.recording_id
    assert catalogue.store.recordings() == [one.recording, other.recording]
    assert len(catalogue.store.volumes()) == 1
    assert titles(catalogue, excerpt(random_fingerprint(2), 100, 400)) == ["other"]


def test_adding_nothing_changes_nothing(catalogue: Catalogue) -> None:
    assert catalogue.add([]) == []
    assert catalogue.store.volumes() == []


def test_the_same_content_twice_is_there_once(catalogue: Catalogue) -> None:
    song = addition("song", small(1), content="c")
    (first,) = catalogue.add([song])
    (again,) = catalogue.add([addition("copy", small(1), content="c")])
    assert again.already_there
    assert again.recording == first.recording
    assert catalogue.store.recordings() == [first.recording]
    assert len(catalogue.store.volumes()) == 1


def test_the_same_content_twice_in_one_batch_is_there_once(catalogue: Catalogue) -> None:
    first, again, other = catalogue.add(
        [
            addition("song", small(1), content="c"),
            addition("copy", small(1), content="c"),
            addition("other", small(2)),
        ]
    )
    assert (first.already_there, again.already_there, other.already_there) == (False, True, False)
    assert again.recording == first.recording
    assert catalogue.store.recordings() == [first.recording, other.recording]


def test_other_content_from_the_same_source_replaces_what_was_there(catalogue: Catalogue) -> None:
    old = add(catalogue, "old", random_fingerprint(1), source="a.mp3")
    (new,) = catalogue.add([addition("new", random_fingerprint(2), source="a.mp3")])
    assert new.replaced == (old,)
    assert new.recording.same_audio_as == ""
    assert catalogue.store.removed_ids() == {old}
    assert titles(catalogue, random_fingerprint(1)) == []
    assert titles(catalogue, random_fingerprint(2)) == ["new"]


def test_retagged_audio_replaces_itself_and_is_no_twin(catalogue: Catalogue) -> None:
    add(catalogue, "old tags", small(1), source="a.mp3")
    (new,) = catalogue.add([addition("new tags", small(1), source="a.mp3")])
    assert new.recording.same_audio_as == ""
    assert [each.title for each in catalogue.store.recordings()] == ["new tags"]


def test_the_same_audio_under_other_bytes_is_added_and_noticed(catalogue: Catalogue) -> None:
    first = add(catalogue, "single", small(1))
    before, twin, triplet = catalogue.add(
        [addition("other", small(2)), addition("album", small(1)), addition("radio edit", small(1))]
    )
    assert before.recording.same_audio_as == ""
    assert twin.recording.same_audio_as in {first}
    assert triplet.recording.same_audio_as in {first, twin.recording.recording_id}
    assert len(catalogue.store.recordings()) == 4


def test_what_was_removed_can_be_added_again(catalogue: Catalogue) -> None:
    first = add(catalogue, "song", random_fingerprint(1))
    catalogue.remove([first])
    (again,) = catalogue.add([addition("song", random_fingerprint(1))])
    assert not again.already_there
    assert again.recording.same_audio_as == ""
    assert again.recording.recording_id != first
    assert titles(catalogue, random_fingerprint(1)) == ["song"]


def test_a_store_written_by_another_fingerprinter_is_refused(store: Store) -> None:
    bands = open_bands(ComponentURL.parse("bands"))
    before = Catalogue(store, bands)
    add(Catalogue(store, Landmark()), "song", small(1))
    with pytest.raises(FingerprinterMismatchError, match="landmark/1"):
        Catalogue(store, bands)
    with pytest.raises(FingerprinterMismatchError):
        before.add([addition("other", small(2))])
    assert len(store.recordings()) == 1


# -- merging --------------------------------------------------------------------------


def test_a_thousand_single_additions_leave_few_volumes_and_rewrite_little(store: Store) -> None:
    watched = WatchedStore(store)
    clock = Clock()
    catalogue = Catalogue(watched, Landmark(), clock=clock)
    expected: Counter[Any] = Counter()
    for number in range(1000):
        clock.move(1)
        expected += expected_postings(add(catalogue, str(number), small(number)), small(number))
        catalogue.merge()
    assert len(store.volumes()) <= 24
    assert postings_of(catalogue) == expected
    assert len(watched.written) == 10_000
    assert max(watched.written.values()) <= 6
    # Pages of merged volumes do not pile up either: but for the last minute's they are gone.
    assert store.drop_retired(retired_before=FAR, orphans_before=FAR) <= 100
    assert titles(catalogue, small(123), least=0.5) == ["123"]


def test_after_a_merge_every_tier_holds_fewer_volumes_than_are_merged(catalogue: Catalogue) -> None:
    for number in range(40):
        add(catalogue, str(number), small(number))
    # All of a tier at once, however many: nothing is written twice on its way up.
    assert catalogue.merge() == 1
    tiers = Counter(volume.tier for volume in catalogue.store.volumes())
    assert max(tiers.values()) < FANOUT
    assert catalogue.merge() == 0


def test_what_would_complete_the_next_tier_is_merged_with_it_at_once(catalogue: Catalogue) -> None:
    for number in range(3 * FANOUT):
        add(catalogue, str(number), small(number))
        if number % FANOUT == FANOUT - 1:
            assert catalogue.merge() == 1
    assert [volume.tier for volume in catalogue.store.volumes()] == [1, 1, 1]
    for number in range(FANOUT):
        add(catalogue, f"more {number}", small(100 + number))
    assert catalogue.merge() == 1
    (volume,) = catalogue.store.volumes()
    assert (volume.tier, volume.postings) == (2, 4 * FANOUT * len(small(0)))


def test_a_volume_that_is_mostly_removed_is_cleared_without_growing(catalogue: Catalogue) -> None:
    added = catalogue.add([addition(str(n), small(n)) for n in range(10)])
    ids = [each.recording.recording_id for each in added]
    catalogue.remove(ids[:2])
    assert catalogue.merge() == 0
    catalogue.remove(ids[2:5])
    assert catalogue.merge() == 1
    (volume,) = catalogue.store.volumes()
    assert (volume.tier, volume.postings) == (0, 50)
    assert postings_of(catalogue) == sum(
        (expected_postings(ids[n], small(n)) for n in range(5, 10)), Counter()
    )


def test_when_all_is_removed_no_volume_is_left(catalogue: Catalogue) -> None:
    ids = [add(catalogue, str(n), small(n)) for n in range(5)]
    catalogue.remove(ids)
    catalogue.merge()
    assert catalogue.store.volumes() == []
    assert catalogue.search(small(1), least_score=0.1) == []
    assert add(catalogue, "1", small(1)) not in ids


def test_a_recording_removed_while_it_is_merged_stays_removed(store: Store) -> None:
    watched = InterruptedStore(store)
    catalogue = Catalogue(watched, Landmark())
    names = [add(catalogue, str(n), random_fingerprint(n)) for n in range(FANOUT)]
    for volume in store.volumes():
        catalogue.header(volume.volume_id)
    watched.between = lambda: Catalogue(store, Landmark()).remove([names[1]])
    assert catalogue.merge() >= 1
    assert watched.between is None
    assert titles(catalogue, random_fingerprint(1)) == []
    assert titles(catalogue, random_fingerprint(2)) == ["2"]


def test_who_finds_another_merging_leaves_it_to_them(store: Store) -> None:
    clock = Clock()
    catalogue, other = (Catalogue(store, Landmark(), clock=clock) for _ in range(2))
    for number in range(FANOUT):
        add(catalogue, str(number), small(number))
    store.claim(["merge"], "somebody", 300.0, clock.now)
    assert other.merge() == 0
    clock.move(301)  # they died
    assert other.merge() == 1


def test_a_merge_that_is_overtaken_changes_nothing_and_harms_nobody(store: Store) -> None:
    slow_clock, fast_clock = Clock(), Clock()
    watched = InterruptedStore(store)
    slow = Catalogue(watched, Landmark(), clock=slow_clock)
    fast = Catalogue(store, Landmark(), clock=fast_clock)
    expected: Counter[Any] = Counter()
    for number in range(FANOUT):
        expected += expected_postings(add(slow, str(number), small(number)), small(number))
    for volume in store.volumes():
        slow.header(volume.volume_id)
    fast_clock.move(1000)  # so that the slow one's claim has run out for the fast one
    watched.between = fast.merge
    assert slow.merge() == 0
    assert watched.between is None
    assert len(store.volumes()) == 1
    assert postings_of(slow) == expected
    gone = store.drop_retired(retired_before=fast_clock.now, orphans_before=FAR)
    assert gone == 1, "what the slow one wrote is seen by nobody and cleared away"


def test_a_merge_that_fails_gives_its_claim_back(store: Store) -> None:
    watched = InterruptedStore(store)
    catalogue = Catalogue(watched, Landmark())
    for number in range(FANOUT):
        add(catalogue, str(number), small(number))

    def fail() -> None:
        raise StoreError("the disk is full")

    watched.between = fail
    with pytest.raises(StoreError, match="disk is full"):
        catalogue.merge()
    assert catalogue.merge() == 1


# -- readers who are behind -----------------------------------------------------------


def merge_and_drop(store: Store, clock: Clock) -> None:
    """Merge everything there is and drop the old pages, as an hour later somebody would."""
    other = Catalogue(store, Landmark(), clock=clock)
    assert other.merge() >= 1
    clock.move(3600)
    other.merge()


def test_a_reader_with_an_old_snapshot_goes_on_after_its_pages_are_gone(store: Store) -> None:
    clock = Clock()
    writer = Catalogue(store, Landmark(), clock=clock)
    for number in range(FANOUT):
        add(writer, str(number), random_fingerprint(number))
    reader = Catalogue(store, Landmark(), refresh_s=3600, cache_bytes=BYTES_PER_SLOT)
    assert titles(reader, random_fingerprint(0)) == ["0"]
    old = reader.snapshot()
    reader.cache.forget(set(old.volume_ids))
    merge_and_drop(store, clock)
    assert reader.snapshot() is old
    assert titles(reader, random_fingerprint(2)) == ["2"]
    assert len(reader.snapshot().volume_ids) == 1


def test_a_reader_takes_no_notice_of_a_merge_while_its_pages_are_cached(store: Store) -> None:
    clock = Clock()
    writer = Catalogue(store, Landmark(), clock=clock)
    for number in range(FANOUT):
        add(writer, str(number), random_fingerprint(number))
    watched = WatchedStore(store)
    reader = Catalogue(watched, Landmark(), refresh_s=3600)
    assert titles(reader, random_fingerprint(2)) == ["2"]
    merge_and_drop(store, clock)
    watched.asked.clear()
    assert titles(reader, random_fingerprint(2)) == ["2"]
    assert watched.asked == []


def test_volumes_merged_away_between_listing_and_reading_are_listed_again(store: Store) -> None:
    clock = Clock()
    writer = Catalogue(store, Landmark(), clock=clock)
    for number in range(FANOUT):
        add(writer, str(number), random_fingerprint(number))
    watched = InterruptedStore(store)
    watched.between = lambda: merge_and_drop(store, clock)
    reader = Catalogue(watched, Landmark())
    assert titles(reader, random_fingerprint(3)) == ["3"]
    assert watched.between is None


def test_a_reader_sees_what_others_add_and_remove(store: Store) -> None:
    writer, reader = Catalogue(store, Landmark()), Catalogue(store, Landmark())
    assert titles(reader, random_fingerprint(1)) == []
    name = add(writer, "1", random_fingerprint(1))
    assert titles(reader, random_fingerprint(1)) == ["1"]
    writer.remove([name])
    assert titles(reader, random_fingerprint(1)) == []
