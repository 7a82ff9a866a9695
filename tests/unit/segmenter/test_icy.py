from __future__ import annotations

import io

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from songid.audio.encode import encode
from songid.audio.tags import Tags
from songid.segmenter.icy import IcyAudio, OggTracks, title_in


class Slow:
    """Gives bytes in pieces of given sizes, over and over."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self.file = io.BytesIO(data)
        self.sizes = sizes
        self.turn = 0

    def read(self, size: int) -> bytes:
        self.turn += 1
        return self.file.read(min(size, self.sizes[self.turn % len(self.sizes)]))


def block(text: str) -> bytes:
    data = text.encode()
    count = -(-len(data) // 16)
    return bytes([count]) + data.ljust(count * 16, b"\0")


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("StreamTitle='A - B';", "A - B"),
        ("StreamTitle='It's fine; really';StreamUrl='http://x/';", "It's fine; really"),
        ("StreamTitle='';", ""),
        ("StreamTitle='  much\t space ';", "much space"),
        ("StreamUrl='http://x/';", None),
        ("", None),
    ],
)
def test_titles_are_read_with_whatever_is_in_them(text: str, title: str | None) -> None:
    assert title_in(block(text)[1:]) == title


def test_a_title_in_an_old_encoding_is_read() -> None:
    assert title_in("StreamTitle='Señor Coconut';".encode("latin-1")) == "Señor Coconut"
    assert title_in("StreamTitle='Señor Coconut';".encode()) == "Señor Coconut"


@given(
    every=st.integers(1, 50),
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=5),
    asked=st.integers(1, 80),
)
def test_titles_are_taken_out_of_the_audio_and_known_by_their_place(
    every: int, sizes: list[int], asked: int
) -> None:
    audio = bytes(range(200))
    stream, places = b"", {}
    for number, at in enumerate(range(0, 200, every)):
        stream += audio[at : at + every]
        if at + every <= 200:
            new = number % 3 == 0
            stream += block(f"StreamTitle='title {number}';" if new else "")
            if new:
                places[at + every] = f"title {number}"
    reader = IcyAudio(Slow(stream, sizes), every)
    got = b""
    while data := reader.read(asked):
        got += data
    assert got == audio
    for place, title in list(places.items())[-40:]:
        assert reader.title_at(place) == title
    assert len(places) > 40 or reader.title_at(0) is None


def test_a_stream_without_titles_is_left_as_it_is() -> None:
    reader = IcyAudio(io.BytesIO(b"audio"), 0)
    assert reader.read(100) == b"audio"
    assert reader.title_at(99) is None


@pytest.mark.parametrize("sizes", [[1], [7, 100], [100_000]])
def test_chained_ogg_is_read_track_by_track(sizes: list[int]) -> None:
    tracks = []
    for title in ("one", "two", "three"):
        file = io.BytesIO()
        samples = np.sin(np.arange(12_000, dtype=np.float32))
        encode(samples, 48_000, file, format="opus", tags=Tags(title=title))
        tracks.append(file.getvalue())
    reader = OggTracks(Slow(b"".join(tracks), sizes))
    found = []
    while True:
        data = b""
        while part := reader.read(4096):
            data += part
        found.append(data)
        if not reader.more():
            break
    assert found == tracks
    with av.open(io.BytesIO(found[1])) as container:
        assert container.streams.audio[0].metadata["title"] == "two"


def test_what_is_no_ogg_passes_through() -> None:
    reader = OggTracks(Slow(b"x" * 1000 + b"OggS", [64]))
    got = b""
    while part := reader.read(100):
        got += part
    assert got == b"x" * 1000 + b"OggS"
    assert not reader.more()
