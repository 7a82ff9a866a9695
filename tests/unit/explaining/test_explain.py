"""Explaining a file: the right window, the right recording, and numbers that add up."""

from __future__ import annotations

import io

import jsonschema
import numpy as np
import pytest
from indexing_material import RATE_HZ, clip

from songid.audio.decode import decode
from songid.audio.encode import encode
from songid.catalogue.catalogue import Addition, Catalogue
from songid.errors import AudioError, MomentError
from songid.explaining.document import error_document, explanation_document
from songid.explaining.explanation import Explanation, Verdict
from songid.explaining.files import explain
from songid.explaining.picture import picture
from songid.explaining.words import facts, headline, sentence
from songid.listening.confidence import score_for
from songid.listening.hear import PART_WINDOWS, Listener
from songid.listening.rules import ListenRules, PlayRules
from songid.model import UNWARPED, ComponentURL, Fingerprint, Recording, Samples
from songid.schemas import load_schema
from songid.testing.distortions import pink_noise, speed
from songid_plugins.fingerprinters.landmark import Landmark
from songid_plugins.stores.memory import open_store

SILENCE = np.zeros(12 * RATE_HZ, np.float32)


class Undrawable:
    """A fingerprinter that cannot tell where its hashes are."""

    identity = Landmark.identity
    sample_rate_hz = Landmark.sample_rate_hz
    frame_s = Landmark.frame_s
    hash_bits = Landmark.hash_bits
    reach_frames = Landmark.reach_frames
    analyse = Landmark.analyse


def filled(songs: list[Samples], fingerprinter: Landmark | None = None) -> Catalogue:
    """A catalogue of `song 0` to `song 3`, and of `edit 3`, which is the first half of one."""
    catalogue = Catalogue(open_store(ComponentURL.parse("memory")), fingerprinter or Landmark())
    named = [(f"song {n}", song) for n, song in enumerate(songs[:4])]
    named.append(("edit 3", clip(songs[3], 0.0, 30.0)))
    catalogue.add(
        [
            Addition(
                Recording(
                    "",
                    name,
                    "A",
                    duration_s=len(song) / RATE_HZ,
                    source=name,
                    content_sha256=name,
                ),
                Landmark().analyse(song).for_index(),
            )
            for name, song in named
        ]
    )
    return catalogue


@pytest.fixture(scope="module")
def known(songs: list[Samples]) -> Catalogue:
    return filled(songs)


def ask(
    catalogue: Catalogue,
    *sounds: Samples,
    about: str = "",
    at_s: float | None = None,
    accept: float = 0.99,
) -> Explanation:
    file = io.BytesIO()
    encode(np.concatenate(sounds), RATE_HZ, file, format="mp3", bitrate=96_000)
    listener = Listener(catalogue, ListenRules())
    ids = {each.title: each.recording_id for each in catalogue.store.recordings()}
    with decode(io.BytesIO(file.getvalue()), rate_hz=RATE_HZ, name="asked") as audio:
        why = explain(
            listener,
            catalogue,
            audio,
            PlayRules(accept=accept),
            lambda wanted: {r.recording_id: r for r in catalogue.store.recordings(wanted)},
            recording_id=ids[about] if about else "",
            at_s=at_s,
        )
    jsonschema.validate(explanation_document(why), load_schema("explanation"))
    return why


def titles(why: Explanation) -> list[str]:
    return [why.recordings[each.recording_id].title for each in why.candidates]


def test_a_match_is_explained_by_numbers_that_add_up(
    known: Catalogue, songs: list[Samples]
) -> None:
    why = ask(known, clip(songs[1], 20.0, 12.0))
    chosen, evidence = why.candidates[0], why.evidence
    assert evidence is not None and evidence.points is not None
    assert (why.verdict, titles(why)[0]) == (Verdict.MATCHED, "song 1")
    assert chosen.lag_s == pytest.approx(20.0, abs=0.1)
    assert chosen.needed == pytest.approx(score_for(0.99, why.catalogue_s), abs=0.01)
    assert chosen.score > chosen.needed
    assert evidence.seconds.sum() - evidence.discount == pytest.approx(chosen.score, abs=0.01)
    assert len(evidence.seconds) >= 12 and np.count_nonzero(evidence.seconds) >= 11
    assert evidence.aligned.sum() == chosen.landmarks
    assert not (evidence.aligned & evidence.other).any()
    assert len(evidence.aligned) == len(evidence.points) == why.looked_up
    best = int(evidence.lags.weights.argmax())
    assert evidence.lags.lags_s[best] == pytest.approx(chosen.lag_s, abs=0.05)
    assert evidence.lags.weights[best] > 2 * evidence.lags.next_best > 0
    assert evidence.lags.chance < evidence.lags.next_best
    assert (chosen.warp, why.warps_tried) == (UNWARPED, 0)
    assert f"{chosen.landmarks} of" in sentence(why) and "song 1" in sentence(why)


def test_the_strongest_window_is_explained_and_that_of_a_moment_where_one_is_named(
    known: Catalogue, songs: list[Samples]
) -> None:
    sounds = (clip(songs[6], 0.0, 24.0), clip(songs[2], 10.0, 12.0), clip(songs[7], 0.0, 12.0))
    why = ask(known, *sounds)
    assert (why.start_s, why.windows, titles(why)[0]) == (24.0, 4, "song 2")
    at = ask(known, *sounds, at_s=13.0)
    assert (at.start_s, at.windows, at.verdict) == (12.0, 0, Verdict.NOT_MATCHED)
    with pytest.raises(MomentError, match=r"it ends at 48\.\d s, and 60 s were asked about"):
        ask(known, *sounds, at_s=60.0)


def test_a_moment_far_into_a_file_is_found_there(known: Catalogue, songs: list[Samples]) -> None:
    before_s = 12.0 * (PART_WINDOWS + 2)
    rest = np.zeros(round(before_s * RATE_HZ), np.float32)
    why = ask(known, rest, clip(songs[0], 30.0, 12.0), at_s=before_s + 5)
    assert (why.start_s, titles(why)[0]) == (before_s, "song 0")


def test_of_a_recording_that_is_not_heard_its_best_lag_is_explained_all_the_same(
    known: Catalogue, songs: list[Samples]
) -> None:
    why = ask(known, clip(songs[1], 20.0, 12.0), about="song 2")
    assert (why.verdict, titles(why)[:2]) == (Verdict.NOT_MATCHED, ["song 2", "song 1"])
    assert why.evidence is not None and why.evidence.aligned.any()
    assert why.candidates[0].score < why.candidates[0].needed < why.candidates[1].score
    assert why.candidates[1].on_its_own
    assert "What is heard is “song 1”" in sentence(why)


def test_a_recording_that_is_heard_second_is_explained_where_it_is_asked_for(
    known: Catalogue, songs: list[Samples]
) -> None:
    both = (clip(songs[0], 20.0, 7.0), clip(songs[1], 20.0, 5.0))
    why = ask(known, *both)
    assert why.evidence is not None
    assert titles(why)[:2] == ["song 0", "song 1"] and why.candidates[1].on_its_own
    assert why.evidence.heard_as_well == why.candidates[1].recording_id
    assert not (why.evidence.as_well & why.evidence.aligned).any()
    assert "“song 1” is heard as well" in sentence(why)
    asked = ask(known, *both, about="song 1")
    assert (asked.verdict, titles(asked)[:2]) == (Verdict.MATCHED, ["song 1", "song 0"])
    assert asked.candidates[0].lag_s == pytest.approx(20.0 - 7.0, abs=0.1)


def test_another_version_is_said_to_rest_on_the_same_landmarks(
    known: Catalogue, songs: list[Samples]
) -> None:
    why = ask(known, clip(songs[3], 5.0, 12.0))
    assert set(titles(why)[:2]) == {"song 3", "edit 3"}
    assert not why.candidates[1].on_its_own
    assert "the same sound in another version" in dict(facts(why))["runner-up"] or any(
        "the same sound in another version" in how for _, how in facts(why)
    )


def test_what_is_played_fast_is_explained_under_its_warp_and_drawn_where_it_sounds(
    known: Catalogue, songs: list[Samples]
) -> None:
    why = ask(known, speed(clip(songs[1], 20.0, 24.0), 1.03), at_s=6.0)
    assert why.verdict is Verdict.MATCHED and why.evidence is not None
    assert why.candidates[0].warp.tempo == pytest.approx(1.03, abs=0.003)
    assert why.warps_tried == len(Listener(known, ListenRules()).warps) > 0
    assert "played 3.0 % fast" in sentence(why)
    points = why.evidence.points
    assert points is not None
    # Drawn in the window's own sound: every peak is where the window is loud.
    fingerprint = Landmark().analyse(why.samples).for_query()
    plain = Landmark().points(fingerprint)
    assert points[:, [0, 2]].max() <= 12.1
    near = [np.abs(plain[:, :2] - (s, hz)).max(axis=1) for s, hz in points[:40, :2]]
    assert np.median([np.min(each) for each in near]) < 12.0  # Hz, a bin being 10.8


def test_unknown_music_and_the_warps_that_were_tried_for_it(
    known: Catalogue, songs: list[Samples]
) -> None:
    why = ask(known, clip(songs[6], 10.0, 12.0))
    assert why.verdict is Verdict.NOT_MATCHED and not why.found
    assert headline(why) == "Not matched"
    assert sentence(why).startswith("Nothing in the catalogue comes near.")
    assert f"{why.warps_tried} warps were tried" in sentence(why)


@pytest.mark.parametrize("about", ["", "song 1"])
def test_silence_is_silence(known: Catalogue, about: str) -> None:
    why = ask(known, SILENCE, about=about)
    assert (why.looked_up, why.candidates, why.evidence) == (0, (), None)
    assert sentence(why).startswith("It is silence")
    assert picture(why).count(b"<image") == 1


def test_an_empty_catalogue_is_named_as_the_reason(
    catalogue: Catalogue, songs: list[Samples]
) -> None:
    why = ask(catalogue, clip(songs[0], 10.0, 12.0))
    assert sentence(why) == "The catalogue is empty: songid index FOLDER"


def test_a_near_miss_says_what_would_have_been_needed(
    known: Catalogue, songs: list[Samples]
) -> None:
    for ratio_db in np.arange(-10.0, -30.0, -1.0):
        noisy = pink_noise(clip(songs[1], 20.0, 12.0), RATE_HZ, float(ratio_db))
        why = ask(known, noisy, about="song 1")
        if why.verdict is Verdict.NOT_MATCHED:
            break
    chosen = why.candidates[0]
    assert chosen.score < chosen.needed
    assert "is needed" in sentence(why) and "The best lag of “song 1”" in sentence(why)


def test_a_weak_window_that_continues_a_play_is_matched_with_its_neighbours(
    known: Catalogue, songs: list[Samples]
) -> None:
    song = songs[1]
    for ratio_db in np.arange(-10.0, -30.0, -1.0):
        noisy = pink_noise(clip(song, 12.0, 12.0), RATE_HZ, float(ratio_db))
        noisy *= np.float32(0.3)
        sounds = (clip(song, 0.0, 12.0), noisy, clip(song, 24.0, 12.0))
        why = ask(known, *sounds, about="song 1", at_s=15.0)
        if why.verdict is not Verdict.MATCHED:
            break
    assert why.verdict is Verdict.CONTINUED and why.found and why.play is not None
    assert headline(why) == "Matched, with the windows around it"
    assert "it continues what is heard" in sentence(why)


def test_the_threshold_of_the_settings_decides(known: Catalogue, songs: list[Samples]) -> None:
    strict = ask(known, clip(songs[1], 20.0, 12.0), accept=0.9999999)
    plain = ask(known, clip(songs[1], 20.0, 12.0))
    assert strict.candidates[0].needed > plain.candidates[0].needed


def test_what_holds_no_sound_at_all_is_an_error(known: Catalogue, songs: list[Samples]) -> None:
    with pytest.raises(AudioError, match="too short"):
        ask(known, clip(songs[0], 10.0, 0.2))
    jsonschema.validate(error_document("asked", "too short"), load_schema("explanation"))


def test_a_fingerprinter_that_cannot_be_drawn_is_explained_as_well(songs: list[Samples]) -> None:
    why = ask(filled(songs, Undrawable()), clip(songs[1], 20.0, 12.0))  # type: ignore[arg-type]
    assert why.verdict is Verdict.MATCHED and why.evidence is not None
    assert why.evidence.points is None
    drawn = picture(why)
    assert b"they cannot be drawn" in drawn and b'class="aligned' not in drawn


def test_landmarks_are_drawn_where_their_sound_is() -> None:
    at_s = np.arange(3 * RATE_HZ) / RATE_HZ
    beeps = np.zeros(len(at_s), np.float32)
    for start_s, frequency_hz in ((1.0, 800.0), (1.5, 1200.0)):
        on = (at_s >= start_s) & (at_s < start_s + 0.2)
        beeps[on] = np.hanning(on.sum()) * np.sin(2 * np.pi * frequency_hz * at_s[on])
    fingerprint: Fingerprint = Landmark().analyse(beeps).for_query()
    points = Landmark().points(fingerprint)
    wanted = np.array([1.1, 800.0, 1.6, 1200.0])
    assert (np.abs(points - wanted) <= [0.03, 11.0, 0.03, 11.0]).all(axis=1).any()
