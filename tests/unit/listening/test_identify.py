"""Identifying encoded audio with the real fingerprinter: what, when, from where, and what not."""

from __future__ import annotations

import io

import numpy as np
import pytest
from indexing_material import RATE_HZ, clip

from songid.audio.decode import decode
from songid.audio.encode import encode
from songid.catalogue.catalogue import Addition, Catalogue
from songid.listening.hear import Listener
from songid.listening.identify import Identified, identify, seconds
from songid.listening.rules import ListenRules, PlayRules
from songid.model import ComponentURL, Recording, Samples, SoundKind
from songid.testing.speech import speech_like
from songid_plugins.fingerprinters.landmark import Landmark
from songid_plugins.stores.memory import open_store

KNOWN = 6
SILENCE = np.zeros(10 * RATE_HZ, np.float32)


def fill(catalogue: Catalogue, songs: list[Samples]) -> Catalogue:
    """Add the first six songs, `song 0` to `song 5`."""
    catalogue.add(
        [
            Addition(
                Recording(
                    "",
                    f"song {n}",
                    duration_s=len(song) / RATE_HZ,
                    source=f"{n}",
                    content_sha256=f"{n}",
                ),
                Landmark().analyse(song).for_index(),
            )
            for n, song in enumerate(songs[:KNOWN])
        ]
    )
    return catalogue


@pytest.fixture(scope="module")
def known(songs: list[Samples]) -> Catalogue:
    return fill(Catalogue(open_store(ComponentURL.parse("memory")), Landmark()), songs)


def encoded(*sounds: Samples, format: str = "mp3", bitrate: int = 64_000) -> bytes:
    file = io.BytesIO()
    encode(np.concatenate(sounds), RATE_HZ, file, format=format, bitrate=bitrate)
    return file.getvalue()


def ask(catalogue: Catalogue, data: bytes, listener: Listener | None = None) -> Identified:
    listener = listener or Listener(catalogue, ListenRules())
    with decode(io.BytesIO(data), rate_hz=listener.rate_hz, name="asked") as audio:
        return identify(
            listener,
            audio,
            PlayRules(),
            lambda ids: {each.recording_id: each for each in catalogue.store.recordings(ids)},
            source="asked",
        )


def told(result: Identified) -> list[tuple[str, float, float, float]]:
    """(title, start, end, offset) of each play, in seconds."""
    return [
        (
            result.recordings[play.recording_id].title,
            seconds(play.start),
            seconds(play.end),
            play.offset_s,
        )
        for play in result.plays
    ]


def about(value: float) -> object:
    return pytest.approx(value, abs=0.5)


def ending(value: float) -> object:
    """An end in the middle of a recording is where its last landmark's sound ends."""
    return pytest.approx(value, abs=0.5)


@pytest.mark.parametrize(
    ("format", "bitrate"), [("mp3", 32_000), ("ts", 96_000), ("opus", 48_000), ("wav", 0)]
)
def test_an_excerpt_of_ten_seconds_is_found_in_any_format(
    known: Catalogue, songs: list[Samples], format: str, bitrate: int
) -> None:
    for n in range(KNOWN):
        start_s = 7.3 * n
        result = ask(known, encoded(clip(songs[n], start_s, 10), format=format, bitrate=bitrate))
        assert told(result) == [(f"song {n}", about(0), ending(10), about(start_s))]
        assert result.plays[0].confidence > 0.99
        assert result.damage == ""
        assert result.duration_s == about(10)


def test_a_file_is_taken_apart_into_plays_the_unknown_and_silence(
    known: Catalogue, songs: list[Samples]
) -> None:
    data = encoded(
        SILENCE,  # to 10
        clip(songs[0], 10, 40),  # to 50
        clip(songs[6], 5, 40),  # to 90, a stranger
        songs[1],  # to 150
        SILENCE,  # to 160
        format="ts",
        bitrate=96_000,
    )
    result = ask(known, data)
    assert told(result) == [
        ("song 0", about(10), ending(50), about(10)),
        ("song 1", about(90), about(150), about(0)),
    ]
    kinds = [(each.kind, seconds(each.start), seconds(each.end)) for each in result.unidentified]
    assert [kind for kind, *_ in kinds] == [SoundKind.SILENCE, SoundKind.MUSIC, SoundKind.SILENCE]
    music = next(each for each in kinds if each[0] is SoundKind.MUSIC)
    assert music[1:] == (ending(50), about(90))
    assert result.gaps == ()
    assert result.heard_s == about(160)
    assert set(result.recordings) == {play.recording_id for play in result.plays}


def test_two_songs_in_one_window_are_both_found(known: Catalogue, songs: list[Samples]) -> None:
    fade = np.linspace(0, 1, 5 * RATE_HZ, dtype=np.float32)
    leaving, coming = clip(songs[2], 5, 35), clip(songs[3], 0, 35)
    leaving[-len(fade) :] *= fade[::-1]
    coming[: len(fade)] *= fade
    both = np.zeros(65 * RATE_HZ, np.float32)
    both[: len(leaving)] += leaving
    both[30 * RATE_HZ :] += coming
    found = told(ask(known, encoded(both)))

    def near(times_s: tuple[float, ...]) -> object:
        return pytest.approx(times_s, abs=2.5)  # somewhere in the fade

    assert [title for title, *_ in found] == ["song 2", "song 3"]
    assert found[0][1:] == near((0, 34, 5))
    assert found[1][1:] == near((31, 65, 1))


def test_music_that_is_not_known_is_unidentified_not_the_least_bad_song(
    known: Catalogue, songs: list[Samples]
) -> None:
    for stranger in songs[KNOWN:]:
        result = ask(known, encoded(stranger))
        assert result.plays == ()
        assert sum(each.duration_s for each in result.unidentified) == about(60)
        music_s = sum(e.duration_s for e in result.unidentified if e.kind is SoundKind.MUSIC)
        assert music_s > 40


def test_speech_and_silence_are_what_they_are(known: Catalogue) -> None:
    result = ask(known, encoded(speech_like(3, 40.0, RATE_HZ), SILENCE, SILENCE))
    assert result.plays == ()
    lengths_s = {
        kind: sum(each.duration_s for each in result.unidentified if each.kind is kind)
        for kind in SoundKind
    }
    assert lengths_s[SoundKind.SPEECH] > 30
    assert lengths_s[SoundKind.SILENCE] > 15
    assert sum(lengths_s.values()) == about(60)


def test_a_damaged_file_says_so_and_claims_no_more_than_was_heard(
    known: Catalogue, songs: list[Samples]
) -> None:
    whole = encoded(songs[4], format="flac")
    result = ask(known, whole[: len(whole) // 2])
    assert result.damage
    assert 15 < result.heard_s < 45
    ((title, start_s, end_s, _),) = told(result)
    assert (title, start_s) == ("song 4", about(0))
    assert end_s <= result.heard_s + 0.1


def test_a_very_short_file_is_answered(known: Catalogue, songs: list[Samples]) -> None:
    assert ask(known, encoded(clip(songs[0], 20, 0.3), format="wav")).plays == ()
    found = told(ask(known, encoded(clip(songs[0], 20, 3.5), format="wav")))
    assert found == [("song 0", about(0), ending(3.5), about(20))]


def test_an_empty_catalogue_identifies_nothing(catalogue: Catalogue, songs: list[Samples]) -> None:
    result = ask(catalogue, encoded(clip(songs[0], 0, 20)))
    assert result.plays == ()
    assert result.heard_s == about(20)


def test_progress_is_told_as_windows_are_heard(known: Catalogue, songs: list[Samples]) -> None:
    heard_s: list[float] = []
    listener = Listener(known, ListenRules())
    with decode(io.BytesIO(encoded(songs[0])), rate_hz=listener.rate_hz) as audio:
        identify(listener, audio, PlayRules(), lambda ids: {}, progress=heard_s.append)
    assert len(heard_s) >= 4
    assert heard_s == sorted(heard_s)
    assert heard_s[-1] == about(60)


def test_a_listener_keeps_nothing_between_files(known: Catalogue, songs: list[Samples]) -> None:
    listener = Listener(known, ListenRules())
    first = encoded(clip(songs[0], 20, 20))
    alone = ask(known, first)
    ask(known, encoded(clip(songs[7], 0, 40)), listener)
    assert ask(known, first, listener) == alone
