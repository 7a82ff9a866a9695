from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from songid.segmenter.hls import best_variant, media_playlist, wait_for_new_piece
from songid.segmenter.http_stream import StreamError
from songid.segmenter.playlists import addresses, is_hls, is_playlist

BASE = "https://radio.example/a/list"


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXTINF:-1,Radio\nhttp://x.example/one\nlow.mp3\n",
        "http://x.example/one\r\n\r\n# a remark\r\nlow.mp3",
        "[playlist]\nNumberOfEntries=2\nFile1=http://x.example/one\nTitle1=Radio\nFile2=low.mp3\n"
        "Length1=-1\nVersion=2\n",
    ],
)
def test_addresses_are_found_in_m3u_and_pls(text: str) -> None:
    expected = ["http://x.example/one", "https://radio.example/a/low.mp3"]
    assert addresses(text, BASE) == expected
    assert not is_hls(text)


def test_a_playlist_is_known_by_its_type_or_its_beginning() -> None:
    assert is_playlist("audio/x-scpls", b"")
    assert is_playlist("text/plain", b"#EXTM3U\n")
    assert is_playlist("text/plain", b"\xef\xbb\xbf[playlist]\n")
    assert not is_playlist("audio/mpeg", b"\xff\xfb\x90")


def test_of_variants_sound_alone_is_chosen_then_the_least_of_pictures() -> None:
    video = '#EXT-X-STREAM-INF:BANDWIDTH={},RESOLUTION=1x1,CODECS="avc1.4d401f,mp4a.40.2"\n{}\n'
    sound = '#EXT-X-STREAM-INF:BANDWIDTH={},CODECS="mp4a.40.2"\n{}\n'
    media = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="x",DEFAULT=YES,URI="sound/x.m3u8"\n'
    pictures = "#EXTM3U\n" + video.format(900, "big.m3u8") + video.format(300, "small.m3u8")
    assert best_variant(pictures, BASE) == "https://radio.example/a/small.m3u8"
    assert best_variant(pictures + media, BASE) == "https://radio.example/a/sound/x.m3u8"
    alone = pictures + media + sound.format(48, "48.m3u8") + sound.format(96, "96.m3u8")
    assert best_variant(alone, BASE) == "https://radio.example/a/96.m3u8"
    assert best_variant("#EXTM3U\n#EXTINF:6,\n1.ts\n", BASE) is None


def pieces(first: int, count: int, dated: bool = False) -> str:
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:6", f"#EXT-X-MEDIA-SEQUENCE:{first}"]
    for number in range(first, first + count):
        if dated and number == first:
            lines.append("#EXT-X-PROGRAM-DATE-TIME:2024-01-31T08:15:00.500Z")
        lines += ["#EXTINF:5.5,", f"{number}.ts"]
    return "\n".join(lines)


def test_a_playlist_of_pieces_tells_the_end_of_its_last_one() -> None:
    playlist = media_playlist(pieces(7, 3, dated=True))
    assert playlist.next_number == 10
    assert playlist.target_s == 6.0
    assert playlist.end_s == 1706688900.5 + 3 * 5.5
    assert not playlist.is_over
    assert media_playlist(pieces(7, 3)).end_s is None
    assert media_playlist(pieces(7, 3) + "\n#EXT-X-ENDLIST").is_over


class Waiting:
    """A clock that only sleeping moves."""

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s

    def now(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def waited(clock: Waiting, fetch: Callable[[], str], *, stopped: bool = False) -> float:
    return wait_for_new_piece(fetch, lambda: stopped, now=clock.now, sleep=clock.sleep)


def test_reading_begins_when_a_piece_is_new_and_knows_how_old_it_is() -> None:
    texts = itertools.chain([pieces(1, 3, dated=True)] * 4, itertools.repeat(pieces(1, 4, True)))
    end_s = 1706688900.5 + 4 * 5.5
    clock = Waiting(end_s + 1.0)
    latency_s = wait_for_new_piece(
        lambda: next(texts), lambda: False, now=clock.now, sleep=clock.sleep
    )
    assert clock.now_s == end_s + 1.0 + 4 * 0.5
    assert latency_s == clock.now_s - end_s


def test_a_playlist_that_stands_still_is_not_read_again() -> None:
    clock = Waiting(0.0)
    with pytest.raises(StreamError, match="stood still for 18 s"):
        waited(clock, lambda: pieces(1, 3))
    assert clock.now_s == pytest.approx(18.0)
    assert waited(clock, lambda: pieces(1, 3), stopped=True) == 0.0
    over = pieces(1, 3) + "\n#EXT-X-ENDLIST"
    with pytest.raises(StreamError, match="is over"):
        waited(clock, lambda: over)


def test_a_date_that_cannot_be_true_is_not_believed() -> None:
    texts = iter([pieces(1, 3, dated=True), pieces(2, 3, dated=True)])
    clock = Waiting(1e9)
    assert waited(clock, lambda: next(texts)) == 0
