from __future__ import annotations

import io
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from songid.audio.decode import Block, Decoding, decode, read_all
from songid.audio.encode import encode
from songid.audio.tags import Tags
from songid.errors import AudioError
from songid.testing.audio_files import (
    FORMATS,
    clicks,
    encoded,
    noise,
    sine,
    stereo,
    video,
)

RATE_HZ = 44_100
TARGET_HZ = 11_025
TAGS = Tags("A title", "An artist", "An album", "A label", "GBAYE6900531")
# Neither container has a place for what the encoder put before the first sample.
WITHOUT_PRIMING = {"aac", "ts"}
SOUND = stereo(sine(5, 440, RATE_HZ, 0.3) + noise(5, RATE_HZ, amplitude=0.02))


class Pipe(io.RawIOBase):
    """A file that can be read once, in small pieces, as standard input may be."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._data.read(min(size, 3000))


def listen(data: bytes) -> tuple[Decoding, list[Block]]:
    with decode(io.BytesIO(data), rate_hz=TARGET_HZ) as decoding:
        return decoding, list(decoding)


def reason(data: bytes) -> str:
    with pytest.raises(AudioError) as caught:
        listen(data)
    return caught.value.reason


# -- healthy files --------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS)
def test_a_healthy_file_is_heard_in_full_and_not_called_damaged(format: str) -> None:
    decoding, blocks = listen(encoded(SOUND, RATE_HZ, format))
    assert decoding.damage == ""
    assert decoding.heard_s == pytest.approx(5, abs=0.05)
    assert sum(len(block.samples) for block in blocks) / TARGET_HZ == pytest.approx(
        decoding.heard_s, abs=0.001
    )
    assert decoding.declared_s is None or decoding.declared_s == pytest.approx(5, abs=0.05)
    for block in blocks:
        assert block.samples.dtype == np.float32
        assert block.samples.ndim == 1
    level = np.sqrt(np.mean(blocks[1].samples ** 2))
    assert level == pytest.approx(0.3 / np.sqrt(2), rel=0.03)


def test_blocks_follow_one_another_without_a_gap() -> None:
    _, blocks = listen(encoded(SOUND, RATE_HZ, "mp3"))
    assert len(blocks) > 2
    for before, after in pairwise(blocks):
        assert after.start_s == pytest.approx(before.start_s + len(before.samples) / TARGET_HZ)


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 32_000, 48_000])
@pytest.mark.parametrize("format", ["mp3", "ts", "flac", "wav"])
def test_any_sample_rate_is_brought_to_the_one_asked_for(format: str, rate_hz: int) -> None:
    decoding, blocks = listen(encoded(sine(3, 1000, rate_hz), rate_hz, format))
    samples = np.concatenate([block.samples for block in blocks])
    spectrum = np.abs(np.fft.rfft(samples[TARGET_HZ : 2 * TARGET_HZ]))
    assert decoding.damage == ""
    assert int(spectrum.argmax()) == 1000


@pytest.mark.parametrize("format", FORMATS)
def test_a_click_is_heard_at_its_second(format: str) -> None:
    samples = clicks(6, (1.0, 2.5, 4.75), 48_000)
    heard = read_all(io.BytesIO(encoded(stereo(samples), 48_000, format)), TARGET_HZ)
    loud = np.flatnonzero(np.abs(heard) > 0.2) / TARGET_HZ
    onsets = loud[np.diff(loud, prepend=-1) > 0.2]
    priming_s = 1024 / 48_000 if format in WITHOUT_PRIMING else 0.0
    assert onsets == pytest.approx(np.array([1.0, 2.5, 4.75]) + priming_s, abs=0.01)


def test_an_mp3_of_variable_bit_rate_is_healthy() -> None:
    decoding, _ = listen(encoded(SOUND, RATE_HZ, "mp3", variable=True))
    assert decoding.damage == ""
    assert decoding.declared_s == pytest.approx(5, abs=0.05)


def test_an_mp3_without_a_count_of_its_frames_declares_nothing() -> None:
    data = encoded(SOUND, RATE_HZ, "mp3", variable=True)
    second = data.index(b"\xff\xfb", data.index(b"Xing"))
    decoding, _ = listen(data[second:])
    assert decoding.declared_s is None
    assert decoding.damage == ""


@pytest.mark.parametrize("container", ["mp4", "matroska"])
def test_the_sound_of_a_video_is_heard(container: str) -> None:
    decoding, _ = listen(video(5, SOUND, RATE_HZ, container=container))
    assert decoding.damage == ""
    assert decoding.heard_s == pytest.approx(5, abs=0.05)


@pytest.mark.parametrize("channels", [1, 2, 6, 8])
@pytest.mark.parametrize("format", ["wav", "wav24", "wavfloat", "flac"])
def test_channels_are_mixed_to_their_mean(format: str, channels: int) -> None:
    samples = np.zeros((RATE_HZ, channels), dtype=np.float32)
    samples[:, 0] = sine(1, 500, RATE_HZ, 0.8)
    heard = read_all(io.BytesIO(encoded(samples, RATE_HZ, format)), TARGET_HZ)
    expected = sine(1, 500, TARGET_HZ, 0.8 / channels)
    assert np.abs(heard - expected)[100:-100].max() < 1e-3


@pytest.mark.parametrize("format", FORMATS)
def test_what_cannot_seek_is_heard_as_well(format: str) -> None:
    data = encoded(SOUND, RATE_HZ, format)
    with decode(Pipe(data), rate_hz=TARGET_HZ) as decoding:
        heard = np.concatenate([block.samples for block in decoding])
    assert decoding.damage == ""
    seekable = read_all(io.BytesIO(data), TARGET_HZ)
    # FFmpeg finds the padding at an MP3's end only where it can seek.
    assert len(heard) == pytest.approx(len(seekable), abs=0.02 * TARGET_HZ)
    assert np.allclose(heard[: len(seekable) - 100], seekable[:-100], atol=1e-6)


@pytest.mark.parametrize("size", [0, 2**32 - 1])
def test_a_wav_written_to_a_pipe_whose_header_knows_no_size_is_whole(size: int) -> None:
    data = bytearray(encoded(SOUND, RATE_HZ, "wav"))
    unknown = size.to_bytes(4, "little")
    at = data.index(b"data") + 4
    data[4:8] = data[at : at + 4] = unknown
    with decode(Pipe(bytes(data)), rate_hz=TARGET_HZ) as decoding:
        heard = sum(len(block.samples) for block in decoding) / TARGET_HZ
    assert decoding.damage == ""
    assert heard == pytest.approx(len(SOUND) / RATE_HZ, abs=0.01)


@pytest.mark.parametrize("format", ["mp3", "flac", "opus", "ogg", "mka"])
def test_tags_are_read(format: str) -> None:
    decoding, _ = listen(encoded(SOUND[:RATE_HZ], RATE_HZ, format, tags=TAGS))
    assert decoding.tags == TAGS


def test_an_open_file_stays_open_and_a_path_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    encode(SOUND, RATE_HZ, path)
    with path.open("rb") as file:
        assert len(read_all(file, TARGET_HZ)) == 5 * TARGET_HZ
        assert not file.closed
    assert len(read_all(path, TARGET_HZ)) == 5 * TARGET_HZ
    assert len(read_all(str(path), TARGET_HZ)) == 5 * TARGET_HZ


def test_decoding_may_be_stopped_in_the_middle(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    encode(SOUND, RATE_HZ, path)
    with decode(path, rate_hz=TARGET_HZ) as decoding:
        next(iter(decoding))
    assert list(decoding) == []


# -- holes in time --------------------------------------------------------------------


def without_packets(data: bytes, begin: float, end: float) -> bytes:
    """A transport stream that lost a part of its packets."""
    packets = len(data) // 188
    return data[: int(packets * begin) * 188] + data[int(packets * end) * 188 :]


def test_a_hole_in_a_transport_stream_is_a_jump_in_time_and_damage() -> None:
    whole = encoded(stereo(clicks(10, (1.0, 9.0), 48_000)), 48_000, "ts")
    decoding, blocks = listen(without_packets(whole, 0.4, 0.6))
    jumps = [
        after.start_s - before.start_s - len(before.samples) / TARGET_HZ
        for before, after in pairwise(blocks)
    ]
    assert max(jumps) == pytest.approx(10 - decoding.heard_s, abs=0.2)
    assert 5 < decoding.heard_s < 9
    assert "missing" in decoding.damage
    late = [block for block in blocks if block.start_s > 5]
    after_hole = max(late, key=lambda block: float(np.abs(block.samples).max()))
    click = after_hole.start_s + np.argmax(np.abs(after_hole.samples)) / TARGET_HZ
    assert click == pytest.approx(9.0, abs=0.05)


def test_a_clock_that_starts_again_does_not_stop_the_sound() -> None:
    part = encoded(SOUND, RATE_HZ, "ts")
    decoding, blocks = listen(part + part)
    starts = [block.start_s for block in blocks]
    assert starts == sorted(starts)
    assert decoding.heard_s == pytest.approx(10, abs=0.2)


# -- damaged files --------------------------------------------------------------------


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "m4a"])
@pytest.mark.parametrize("pipe", [False, True])
def test_a_file_cut_off_is_heard_as_far_as_it_goes(format: str, pipe: bool) -> None:
    data = encoded(SOUND, RATE_HZ, format)
    cut = data[: len(data) // 3 + 1]
    with decode(Pipe(cut) if pipe else io.BytesIO(cut), rate_hz=TARGET_HZ) as decoding:
        heard = sum(len(block.samples) for block in decoding) / TARGET_HZ
    assert decoding.damaged
    assert 0.9 < decoding.heard_s < 2.1
    assert heard == pytest.approx(decoding.heard_s, abs=0.01)


@pytest.mark.parametrize("format", ["wav", "flac", "mp3", "mka"])
def test_damage_says_how_much_of_how_much_was_heard(format: str) -> None:
    data = encoded(SOUND, RATE_HZ, format)
    decoding, _ = listen(data[: len(data) // 2])
    assert decoding.damage.startswith(f"ended after {decoding.heard_s:.1f} of 5.0 s")


@pytest.mark.parametrize("format", ["mp3", "aac", "ts", "flac", "m4a", "ogg", "opus"])
def test_what_follows_a_garbled_middle_is_heard_again(format: str) -> None:
    samples = np.concatenate([noise(4, RATE_HZ), sine(4, 1000, RATE_HZ)])
    data = encoded(stereo(samples), RATE_HZ, format)
    begin, end = (int(len(data) * share) for share in (0.25, 0.4))
    rng = np.random.default_rng(1)
    decoding, blocks = listen(data[:begin] + rng.bytes(end - begin) + data[end:])
    assert decoding.damaged
    assert 3 < decoding.heard_s < 8.05
    spectrum = np.abs(np.fft.rfft(blocks[-1].samples[-2000:], TARGET_HZ))
    assert int(spectrum.argmax()) == pytest.approx(1000, abs=5)


def test_garbled_floats_become_silence() -> None:
    samples = sine(2, 440, RATE_HZ)
    data = bytearray(encoded(samples, RATE_HZ, "wavfloat"))
    garbage = np.array([np.nan, np.inf, -np.inf, 3e38, 1e20], dtype="<f4")
    data[-40_000:-39_980] = garbage.tobytes()
    heard = read_all(io.BytesIO(bytes(data)), TARGET_HZ)
    assert np.isfinite(heard).all()
    assert np.abs(heard).max() < 1


# -- files without usable sound -------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "the file is empty"),
        (bytes(5000), "nothing but zeros"),
        (b"Dear listeners,\n" * 300, "a text file"),
        ("Grüße an die Hörer\n".encode() * 300, "a text file"),
        (("Notes on a song\n" * 300).encode("utf-16"), "a text file"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "a web page"),
        (b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n", "a playlist"),
        (b"PK\x03\x04" + bytes(range(256)) * 20, "a ZIP archive"),
        (np.random.default_rng(5).bytes(100_000), "no audio format"),
    ],
)
def test_what_is_no_audio_is_refused_with_the_reason(data: bytes, expected: str) -> None:
    assert expected in reason(data)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("size", [1_000, 100_000])
def test_random_bytes_are_never_heard(seed: int, size: int) -> None:
    assert reason(np.random.default_rng(seed).bytes(size))


def test_an_mp4_without_its_index_is_refused() -> None:
    data = encoded(SOUND, RATE_HZ, "m4a")
    assert "moov" in reason(data[: len(data) // 3])


@pytest.mark.parametrize("format", [name for name in FORMATS if name not in ("aac", "ts", "m4a")])
def test_a_bare_header_is_refused(format: str) -> None:
    assert reason(encoded(SOUND, RATE_HZ, format)[:40])


def test_a_video_without_sound_is_refused() -> None:
    assert reason(video(2)) == "there is no sound in it, only video"


def test_an_mp3_in_mostly_other_bytes_is_refused() -> None:
    frames = encoded(SOUND[: RATE_HZ // 4], RATE_HZ, "mp3")
    assert "no mp3 file" in reason(frames + bytes(10 * len(frames)))


def test_errors_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"gone\.mp3: there is no such file"):
        decode(tmp_path / "gone.mp3", rate_hz=TARGET_HZ)
    with pytest.raises(AudioError, match="it is a folder"):
        decode(tmp_path, rate_hz=TARGET_HZ)
    with pytest.raises(AudioError, match="standard input: the file is empty"):
        decode(io.BytesIO(), rate_hz=TARGET_HZ, name="standard input")


def test_a_source_that_fails_is_not_taken_for_a_damaged_file() -> None:
    class Failing(Pipe):
        def read(self, size: int = -1) -> bytes:
            data = super().read(size)
            if self._data.tell() > 60_000:
                raise ConnectionResetError("the network is gone")
            return data

    with (
        pytest.raises(ConnectionResetError, match="the network is gone"),
        decode(Failing(encoded(SOUND, RATE_HZ, "mp3")), rate_hz=TARGET_HZ) as decoding,
    ):
        list(decoding)


def test_a_playlist_in_disguise_opens_nothing(tmp_path: Path) -> None:
    song = tmp_path / "song.ts"
    encode(SOUND, RATE_HZ, song)
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{song}\n#EXT-X-ENDLIST\n"
    assert "playlist" in reason(playlist.encode())
    assert reason(f"ffconcat version 1.0\nfile {song}\n".encode())


def test_pydub_is_not_loaded_to_decode() -> None:
    code = "import sys, songid.audio.decode; sys.exit('pydub' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_ffmpeg_says_nothing_on_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    data = encoded(SOUND, RATE_HZ, "mp3")
    listen(data[:20_000] + np.random.default_rng(0).bytes(20_000) + data[40_000:])
    assert capfd.readouterr() == ("", "")
