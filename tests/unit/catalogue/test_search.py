"""Searching a catalogue: what was planted is found where it was planted, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from catalogue_material import addition, excerpt, fingerprint, random_fingerprint, together
from hypothesis import given, settings
from hypothesis import strategies as st

from songid.catalogue.catalogue import Catalogue
from songid.catalogue.search import Alignment
from songid.model import ComponentURL, Fingerprint
from songid_plugins.fingerprinters.landmark import Landmark
from songid_plugins.stores.memory import open_store

LEAST = 3.0
KNOWN = {f"song {seed}": random_fingerprint(seed) for seed in range(20)}


@pytest.fixture(scope="module")
def known() -> Catalogue:
    """Twenty recordings in five volumes."""
    catalogue = Catalogue(open_store(ComponentURL.parse("memory")), Landmark())
    names = list(KNOWN)
    for at in range(0, 20, 4):
        catalogue.add([addition(name, KNOWN[name]) for name in names[at : at + 4]])
    return catalogue


def ask(
    catalogue: Catalogue, query: Fingerprint, least: float = LEAST
) -> list[tuple[str, Alignment]]:
    """Alignments with the titles of their recordings."""
    titles = {each.recording_id: each.title for each in catalogue.store.recordings()}
    found = catalogue.search(query, least_score=least)
    return [(titles[each.recording_id], each) for each in found]


@given(
    name=st.sampled_from(sorted(KNOWN)),
    first=st.integers(0, 700),
    frames=st.integers(100, 300),
)
@settings(max_examples=60, deadline=None)
def test_a_planted_excerpt_is_found_at_its_lag(
    known: Catalogue, name: str, first: int, frames: int
) -> None:
    query = excerpt(KNOWN[name], first, frames)
    ((title, found),) = ask(known, query)
    assert title == name
    assert found.lag_frames == pytest.approx(first)
    assert sorted(found.landmarks.tolist()) == list(range(len(query)))
    assert found.evidence == 0


def test_a_query_that_begins_before_its_recording_has_a_negative_lag(known: Catalogue) -> None:
    begins = excerpt(KNOWN["song 3"], 0, 300)
    late = Fingerprint(begins.hashes, begins.offsets_frames + np.uint32(150))
    ((title, found),) = ask(known, late)
    assert title == "song 3"
    assert found.lag_frames == pytest.approx(-150)


def test_landmarks_a_frame_off_still_count(known: Catalogue) -> None:
    whole = excerpt(KNOWN["song 4"], 200, 300)
    shaken = whole.offsets_frames + np.random.default_rng(1).integers(0, 3, len(whole))
    order = np.argsort(shaken, kind="stable")
    query = Fingerprint(whole.hashes[order], shaken[order].astype(np.uint32))
    ((title, found),) = ask(known, query)
    assert title == "song 4"
    assert found.lag_frames == pytest.approx(199, abs=0.2)
    assert len(found.landmarks) == len(whole)


def test_two_heard_at_once_are_both_found_on_evidence_of_their_own(known: Catalogue) -> None:
    query = together(excerpt(KNOWN["song 1"], 100, 300), excerpt(KNOWN["song 9"], 600, 300))
    found = ask(known, query)
    assert {(title, round(each.lag_frames)) for title, each in found} == {
        ("song 1", 100),
        ("song 9", 600),
    }
    one, other = (each for _, each in found)
    assert one.evidence != other.evidence
    assert not set(one.landmarks.tolist()) & set(other.landmarks.tolist())


def test_two_moments_of_one_recording_at_once_are_both_found(known: Catalogue) -> None:
    query = together(excerpt(KNOWN["song 1"], 0, 300), excerpt(KNOWN["song 1"], 600, 300))
    found = ask(known, query)
    assert sorted(round(each.lag_frames) for _, each in found) == [0, 600]
    assert len({each.evidence for _, each in found}) == 2


def test_the_turns_of_a_loop_share_their_evidence(catalogue: Catalogue) -> None:
    bar = random_fingerprint(99, count=100, frames=200)
    loop = Fingerprint(
        np.tile(bar.hashes, 5),
        np.concatenate([bar.offsets_frames + np.uint32(200 * turn) for turn in range(5)]),
    )
    catalogue.add([addition("loop", loop)])
    found = ask(catalogue, bar)
    assert [round(each.lag_frames) for _, each in found] == [0, 200, 400, 600, 800]
    assert {each.evidence for _, each in found} == {0}
    assert len({round(each.score, 6) for _, each in found}) == 1


def test_two_recordings_of_one_sound_share_their_evidence(catalogue: Catalogue) -> None:
    same = random_fingerprint(5)
    catalogue.add([addition("single", same)])
    catalogue.add([addition("album", same)])
    found = ask(catalogue, excerpt(same, 300, 300))
    assert sorted(title for title, _ in found) == ["album", "single"]
    assert {each.evidence for _, each in found} == {0}
    assert {round(each.lag_frames) for _, each in found} == {300}


def test_what_is_not_in_the_catalogue_is_not_found(known: Catalogue) -> None:
    for seed in range(1000, 1050):
        assert ask(known, random_fingerprint(seed, count=250, frames=500)) == []


def test_the_order_of_volumes_decides_nothing(known: Catalogue) -> None:
    other = Catalogue(open_store(ComponentURL.parse("memory")), Landmark())
    for name in reversed(KNOWN):
        other.add([addition(name, KNOWN[name])])
    query = together(excerpt(KNOWN["song 2"], 50, 400), excerpt(KNOWN["song 11"], 400, 300))
    one, again = ([(t, a.lag_frames, a.score) for t, a in ask(c, query)] for c in (known, other))
    assert [(title, lag) for title, lag, _ in one] == [(title, lag) for title, lag, _ in again]
    assert [score for *_, score in one] == pytest.approx([score for *_, score in again])


def test_a_removed_recording_is_never_found_whether_merged_or_not(catalogue: Catalogue) -> None:
    names = [f"song {seed}" for seed in range(6)]
    added = [catalogue.add([addition(name, KNOWN[name])])[0].recording for name in names]
    query = excerpt(KNOWN["song 2"], 100, 300)
    assert [title for title, _ in ask(catalogue, query)] == ["song 2"]
    catalogue.remove([added[2].recording_id])
    assert ask(catalogue, query) == []
    assert catalogue.merge() > 0
    assert ask(catalogue, query) == []
    assert [title for title, _ in ask(catalogue, excerpt(KNOWN["song 3"], 0, 300))] == ["song 3"]


def test_a_removed_recording_does_not_hide_its_twin(catalogue: Catalogue) -> None:
    same = random_fingerprint(5)
    (first,) = catalogue.add([addition("single", same)])
    catalogue.add([addition("album", same)])
    catalogue.remove([first.recording.recording_id])
    assert [title for title, _ in ask(catalogue, excerpt(same, 300, 300))] == ["album"]


def test_an_empty_catalogue_and_an_empty_query_find_nothing(
    catalogue: Catalogue, known: Catalogue
) -> None:
    assert catalogue.search(random_fingerprint(1), least_score=0.1) == []
    assert known.search(fingerprint([]), least_score=0.1) == []
    catalogue.add([addition("silent", fingerprint([]))])
    assert catalogue.search(random_fingerprint(1), least_score=0.1) == []


def test_weaker_than_asked_is_left_out(known: Catalogue) -> None:
    query = excerpt(KNOWN["song 7"], 100, 300)
    ((_, found),) = ask(known, query)
    assert ask(known, query, found.score - 0.01) != []
    assert ask(known, query, found.score + 0.01) == []


def test_hashes_too_common_are_not_read_but_the_rest_still_tells(catalogue: Catalogue) -> None:
    song = random_fingerprint(3, count=300)
    common = fingerprint([(77, frame) for frame in range(0, 1000, 2)])
    catalogue.add([addition("song", together(song, common))])
    query = together(excerpt(song, 100, 400), excerpt(common, 100, 400))
    (found,) = catalogue.search(query, least_score=LEAST, most_per_hash=499)
    assert 77 not in query.hashes[found.landmarks]
    assert round(found.lag_frames) == 100
    assert len(found.landmarks) == len(excerpt(song, 100, 400))


def test_few_hits_find_what_all_do_with_the_same_score(
    known: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    shaken = np.random.default_rng(4)
    for name in list(KNOWN)[:8]:
        part = excerpt(KNOWN[name], 300, 400)
        strange = random_fingerprint(2000, count=300, frames=400)
        query = together(part, strange)
        monkeypatch.setattr("songid.catalogue.finding.MOST_HITS", 10**9)
        all_hits = ask(known, query)
        monkeypatch.setattr("songid.catalogue.finding.MOST_HITS", int(shaken.integers(40, 90)))
        few_hits = ask(known, query)
        assert [title for title, _ in few_hits] == [name]
        for (_, one), (_, other) in zip(all_hits, few_hits, strict=True):
            assert one.score == pytest.approx(other.score)
            assert one.landmarks.tolist() == other.landmarks.tolist()


@pytest.mark.parametrize("cache_bytes", [0, 64 * 2**20])
def test_a_glimpse_of_many_queries_gives_what_each_alone_would(
    known: Catalogue, cache_bytes: int
) -> None:
    catalogue = Catalogue(known.store, Landmark(), cache_bytes=cache_bytes)
    names = list(KNOWN)
    queries = [excerpt(KNOWN[names[n % 20]], 20 * n, 300) for n in range(40)]
    queries += [random_fingerprint(3000), fingerprint([])]
    scores = catalogue.glimpse(queries, per_second=20, least_score=1.0)
    assert len(scores) == len(queries)
    for query, score in zip(queries, scores, strict=True):
        alone = catalogue.search(catalogue.sample(query, 20), least_score=1.0, examined=3)
        assert score == pytest.approx(max((each.score for each in alone), default=0.0))


def test_a_glimpse_of_nothing_or_of_an_empty_catalogue_sees_nothing(catalogue: Catalogue) -> None:
    assert catalogue.glimpse([], per_second=20, least_score=1.0) == []
    empty = fingerprint([])
    assert catalogue.glimpse([empty], per_second=20, least_score=1.0) == [0.0]
    assert catalogue.glimpse([random_fingerprint(1), empty], per_second=20, least_score=1.0) == [
        0.0,
        0.0,
    ]
