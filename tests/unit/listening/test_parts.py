"""Hearing in parts gives what hearing in one go gives, wherever it was stopped."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from indexing_material import RATE_HZ

from songid.audio.decode import decode
from songid.audio.encode import encode
from songid.catalogue.catalogue import Addition, Catalogue
from songid.listening.hear import PART_WINDOWS, Listener
from songid.listening.identify import ORIGIN
from songid.listening.parts import Part, listen_in_parts, never
from songid.listening.rules import ListenRules
from songid.model import Heard, Recording, Samples
from songid.testing.speech import speech_like
from songid_plugins.fingerprinters.landmark import Landmark

WINDOW_S = 3.0


@pytest.fixture(scope="module")
def listener(songs: list[Samples]) -> Listener:
    from songid.model import ComponentURL
    from songid_plugins.stores.memory import open_store

    catalogue = Catalogue(open_store(ComponentURL.parse("memory")), Landmark())
    catalogue.add(
        [
            Addition(
                Recording("", f"song {n}", duration_s=60.0, source=f"{n}", content_sha256=f"{n}"),
                Landmark().analyse(song).for_index(),
            )
            for n, song in enumerate(songs[:3])
        ]
    )
    return Listener(catalogue, ListenRules(window_s=WINDOW_S))


@pytest.fixture(scope="module")
def audio(songs: list[Samples]) -> bytes:
    """Known, faster than known, unknown, speech, known: 158 s, in 3 s windows 4 parts."""
    faster = songs[1][np.arange(0, len(songs[1]) - 1, 1.04).astype(int)]
    speech = speech_like(1, 20.0, RATE_HZ)
    pieces = (songs[0][: 40 * RATE_HZ], faster, songs[7][: 30 * RATE_HZ], speech, songs[2][:88_200])
    file = io.BytesIO()
    encode(np.concatenate(pieces), RATE_HZ, file, format="mp3", bitrate=64_000)
    return file.getvalue()


def in_one_go(listener: Listener, data: bytes) -> list[Heard]:
    with decode(io.BytesIO(data), rate_hz=listener.rate_hz) as decoding:
        return list(listener.listen(decoding, station="s", start=ORIGIN, source="x"))


def parts(
    listener: Listener, data: bytes, skip: int = 0, stop: Callable[[], bool] = never
) -> list[Part]:
    with decode(io.BytesIO(data), rate_hz=listener.rate_hz) as decoding:
        return list(
            listen_in_parts(
                listener, decoding, station="s", start=ORIGIN, source="x", skip=skip, stop=stop
            )
        )


def heards_of(some: list[Part]) -> list[Heard]:
    return [heard for part in some for heard in part.heards]


def test_parts_put_together_are_what_is_heard_in_one_go(listener: Listener, audio: bytes) -> None:
    whole = in_one_go(listener, audio)
    assert len(whole) > 2 * PART_WINDOWS
    assert {len(heard.matches) > 0 for heard in whole} == {True, False}
    assert any(match.warp.tempo > 1.02 for heard in whole for match in heard.matches)
    some = parts(listener, audio)
    assert [part.last for part in some] == [False] * (len(some) - 1) + [True]
    assert heards_of(some) == whole


@pytest.mark.parametrize("often", [17, 23, 40])
def test_stopped_again_and_again_and_taken_up_it_gives_the_same(
    listener: Listener, audio: bytes, often: int
) -> None:
    heards: list[Heard] = []
    windows = runs = 0
    last = False
    while not last:
        asked = iter(range(windows + often))
        for part in parts(listener, audio, windows, lambda: next(asked, None) is None):  # noqa: B023  # asked at once
            heards += part.heards
            windows, last = part.windows, part.last
        runs += 1
        assert runs < 20
    assert runs > 1
    assert heards == in_one_go(listener, audio)


def test_stopped_within_its_first_part_it_has_nothing(listener: Listener, audio: bytes) -> None:
    asked = iter(range(PART_WINDOWS - 1))
    assert parts(listener, audio, 0, lambda: next(asked, None) is None) == []
    assert parts(listener, audio, PART_WINDOWS, lambda: True) == []


def test_that_audio_is_damaged_is_told_by_its_last_heard_only(
    listener: Listener, audio: bytes
) -> None:
    cut = audio[: len(audio) // 2]
    assert heards_of(parts(listener, cut)) == in_one_go(listener, cut)
    damaged = [heard.damaged for heard in heards_of(parts(listener, cut))]
    assert damaged == [False] * (len(damaged) - 1) + [True]
