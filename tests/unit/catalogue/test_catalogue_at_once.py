"""Several catalogues over one store, in threads and in processes, lose and double nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from catalogue_material import addition, excerpt, expected_postings, postings_of, random_fingerprint

from songid.catalogue.catalogue import Catalogue
from songid.catalogue.volumes import FANOUT
from songid.interfaces import Store
from songid.model import ComponentURL
from songid.testing.store_concurrency import in_processes, in_threads
from songid_plugins.fingerprinters.landmark import Landmark
from songid_plugins.stores.sqlite import open_store

CROWD = 3
EACH = 12
SHARED = 6


def open_at(place: Path) -> Store:
    return open_store(ComponentURL.parse(f"sqlite:{place}"))


@pytest.mark.parametrize("gather", [in_threads, in_processes], ids=["threads", "processes"])
def test_who_add_merge_and_search_at_once_lose_and_double_nothing(
    tmp_path: Path, gather: Callable[..., list[Any]]
) -> None:
    def work(number: int) -> list[tuple[str, str, bool]]:
        """Add songs of one's own and songs that all of the crowd have; merge and search."""
        store = open_at(tmp_path / "store")
        catalogue = Catalogue(store, Landmark())
        done = []
        for turn in range(EACH + SHARED):
            seed = turn if turn < SHARED else 1000 * (number + 1) + turn
            sound = random_fingerprint(seed, count=60)
            (added,) = catalogue.add([addition(f"song {seed}", sound, source=f"{number}/{seed}")])
            catalogue.merge()
            found = catalogue.search(excerpt(sound, 0, 900), least_score=3.0)
            assert added.recording.recording_id in {each.recording_id for each in found}
            done.append((added.recording.recording_id, added.recording.title, added.already_there))
        store.close()
        return done

    done = [each for own in gather(work, CROWD) for each in own]
    store = open_at(tmp_path / "store")
    catalogue = Catalogue(store, Landmark())
    live = {each.recording_id: each.title for each in store.recordings()}
    assert {(name, title) for name, title, _ in done} == set(live.items())
    assert len(live) == CROWD * EACH + SHARED
    new = [name for name, _, already_there in done if not already_there]
    assert sorted(new) == sorted(live)
    seeds = {name: int(title.split()[1]) for name, title in live.items()}
    expected: Counter[Any] = Counter()
    for name, seed in seeds.items():
        expected += expected_postings(name, random_fingerprint(seed, count=60))
    assert postings_of(catalogue) == expected
    catalogue.merge()
    assert postings_of(catalogue) == expected
    assert len(store.volumes()) <= 9
    store.close()


def test_however_fast_many_add_there_are_never_many_volumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("songid.catalogue.catalogue._CROWDED", 8)
    crowd, each = 6, 12

    def work(number: int) -> int:
        store = open_at(tmp_path / "store")
        catalogue = Catalogue(store, Landmark())
        most = 0
        for turn in range(each):
            catalogue.make_room()
            name = f"{number}/{turn}"
            catalogue.add([addition(name, random_fingerprint(100 * number + turn, count=60))])
            most = max(most, len(store.volumes()))
        store.close()
        return most

    assert max(in_threads(work, crowd)) < 8 + crowd
    store = open_at(tmp_path / "store")
    assert len(store.recordings()) == crowd * each
    assert sum(volume.postings for volume in store.volumes()) == 60 * crowd * each


def test_room_is_not_waited_for_where_nothing_can_be_merged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("songid.catalogue.catalogue._CROWDED", 2)
    catalogue = Catalogue(open_at(tmp_path / "store"), Landmark())
    for number in range(FANOUT - 1):
        catalogue.add([addition(str(number), random_fingerprint(number, count=60))])
    monkeypatch.setattr("time.sleep", lambda seconds: pytest.fail("it waited"))
    catalogue.make_room()
    assert len(catalogue.store.volumes()) == FANOUT - 1
