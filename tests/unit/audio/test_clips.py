from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from songid.audio.clips import (
    AudioSegment,
    crossfade,
    cut,
    export,
    fade,
    from_samples,
    to_samples,
    to_segment,
    write_segments,
)
from songid.audio.decode import decode, read_all
from songid.audio.encode import encode, encode_segments
from songid.audio.tags import Tags
from songid.errors import AudioError
from songid.testing.audio_files import FORMATS, clicks, encoded, noise, sine, stereo

RATE_HZ = 44_100


@pytest.mark.parametrize("format", FORMATS)
def test_any_format_becomes_a_segment(format: str) -> None:
    segment = to_segment(io.BytesIO(encoded(stereo(sine(2, 440, RATE_HZ)), RATE_HZ, format)))
    assert (segment.channels, segment.sample_width) == (2, 2)
    assert segment.duration_seconds == pytest.approx(2, abs=0.05)
    assert segment.rms / 32768 == pytest.approx(0.5 / np.sqrt(2), rel=0.05)


def test_a_part_of_a_file_is_loaded_exactly(tmp_path: Path) -> None:
    path = tmp_path / "clicks.flac"
    encode(clicks(5, (1.0, 3.0), RATE_HZ), RATE_HZ, path)
    part = to_samples(to_segment(path, start_s=2.5, end_s=4.0))[:, 0]
    assert len(part) == 1.5 * RATE_HZ
    assert int(np.argmax(part > 10_000)) == 0.5 * RATE_HZ


def test_a_segment_may_be_loaded_at_another_rate_and_in_mono() -> None:
    data = encoded(stereo(sine(2, 440, RATE_HZ)), RATE_HZ, "mp3")
    segment = to_segment(io.BytesIO(data), rate_hz=16_000, channels=1)
    assert (segment.frame_rate, segment.channels) == (16_000, 1)
    assert segment.duration_seconds == pytest.approx(2, abs=0.01)


def test_what_is_no_audio_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.mp3"
    path.write_text("no song\n")
    with pytest.raises(AudioError, match=r"notes\.mp3: it is a text file"):
        to_segment(path)
    with pytest.raises(AudioError, match="no such file"):
        to_segment(tmp_path / "gone.mp3")


def test_samples_survive_the_way_through_a_segment() -> None:
    samples = stereo(noise(1, RATE_HZ))
    back = to_samples(from_samples(samples, RATE_HZ))
    assert np.abs(back / 32767 - samples).max() < 1e-4


def test_a_cut_is_exact_to_the_sample() -> None:
    samples = (np.arange(RATE_HZ) % 30_000).astype(np.int16)
    part = cut(from_samples(samples, RATE_HZ), 0.12345, 0.5)
    assert np.array_equal(to_samples(part)[:, 0], samples[5444:22050])
    assert cut(from_samples(samples, RATE_HZ), 0.9, 7).frame_count() == 4410


def test_fades_begin_and_end_in_silence() -> None:
    faded = to_samples(fade(from_samples(sine(2, 440, RATE_HZ), RATE_HZ), in_s=0.5, out_s=0.5))
    assert np.abs(faded[:200]).max() < 500 > np.abs(faded[-200:]).max()
    assert np.abs(faded[RATE_HZ : RATE_HZ + 500]).max() > 15_000


def test_a_crossfade_overlaps() -> None:
    one, two = (from_samples(sine(3, hz, RATE_HZ), RATE_HZ) for hz in (440, 660))
    assert crossfade([one, two], 1.0).duration_seconds == pytest.approx(5, abs=0.01)
    assert crossfade([one, two[:200]], 1.0).duration_seconds == pytest.approx(3, abs=0.01)
    assert crossfade([], 1.0).duration_seconds == 0


@pytest.mark.parametrize("ending", ["wav", "flac", "mp3", "aac", "m4a", "ts", "ogg", "opus", "mka"])
def test_a_segment_is_exported_to_what_the_ending_says(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"clip.{ending}"
    tags = Tags("Title", "Artist")
    export(from_samples(stereo(sine(2, 440, RATE_HZ)), RATE_HZ), path, tags=tags)
    with decode(path, rate_hz=11_025) as decoding:
        level = np.sqrt(np.mean(np.concatenate([block.samples for block in decoding]) ** 2))
    assert decoding.heard_s == pytest.approx(2, abs=0.05)
    assert level == pytest.approx(0.5 / np.sqrt(2), rel=0.05)
    assert ending in ("ts", "aac") or decoding.tags.title == "Title"


def test_an_ending_of_no_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"use one of \.aac, \.flac"):
        export(AudioSegment.silent(100), tmp_path / "clip.xyz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("rate_hz", [48_000, 44_100])
@pytest.mark.parametrize("channels", [1, 2])
def test_segments_last_and_hold_their_twelve_seconds(
    tmp_path: Path, rate_hz: int, channels: int
) -> None:
    samples = clicks(40, tuple(np.arange(0.5, 40)), rate_hz)
    broadcast = from_samples(samples if channels == 1 else stereo(samples), rate_hz)
    paths = write_segments(broadcast, tmp_path / "new", lambda k: f"r_1.{k:06d}.ts")
    assert [path.name for path in paths] == [f"r_1.{k:06d}.ts" for k in range(4)]
    assert sorted(paths[0].parent.iterdir()) == paths
    for k, path in enumerate(paths):
        with decode(path, rate_hz=11_025) as decoding:
            heard = np.concatenate([block.samples for block in decoding])
        assert decoding.damage == ""
        assert decoding.heard_s == pytest.approx(12 if k < 3 else 4, abs=0.05)
        loud = np.flatnonzero(np.abs(heard) > 0.2) / 11_025
        onsets = loud[np.diff(loud, prepend=-1) > 0.2]
        assert onsets == pytest.approx(np.arange(len(onsets)) + 0.5, abs=0.05)


def test_a_long_broadcast_comes_in_parts_and_segments_are_left_out(tmp_path: Path) -> None:
    parts = (from_samples(noise(7, RATE_HZ, seed), RATE_HZ) for seed in range(4))
    names = (None if k == 1 else f"{k}.ts" for k in range(10))
    listed = list(names)
    paths = write_segments(parts, tmp_path, lambda k: listed[k])
    assert [path.name for path in paths] == ["0.ts", "2.ts"]
    assert len(read_all(paths[1], 11_025)) / 11_025 == pytest.approx(4, abs=0.05)


def test_nothing_makes_no_segments(tmp_path: Path) -> None:
    assert write_segments([], tmp_path / "none", str) == []
    assert encode_segments([], RATE_HZ, lambda k: None) == 0


def test_nobody_is_told_that_the_ffmpeg_program_is_missing() -> None:
    run = subprocess.run(
        [sys.executable, "-W", "always", "-c", "import songid.audio.clips"],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/nowhere"},
    )
    assert "ffmpeg" not in run.stderr
