from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
import pytest

from songid.audio.decode import decode, read_all
from songid.audio.encode import ENCODINGS, encode
from songid.audio.tags import Tags
from songid.segmenter.positions import TICKS_HZ, Positions
from songid.segmenter.segment_file import SegmentFile, Template, format_for, mend
from songid.testing.music import compose

Packets = list[tuple[bytes, int, int]]
RATE_HZ = 48_000


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    return compose(3, 6.0, RATE_HZ)[0].astype(np.float32)


def stream_of(kind: str, sound: np.ndarray) -> tuple[Template, Packets]:
    file = io.BytesIO()
    encode(sound, RATE_HZ, file, format=kind)
    positions = Positions()
    with av.open(io.BytesIO(file.getvalue())) as container:
        stream = container.streams.audio[0]
        template = Template(stream)
        placed = [
            (
                bytes(packet),
                *positions.place(packet.pts, packet.duration or 0, packet.time_base)[:2],
            )
            for packet in container.demux(stream)
            if packet.size
        ]
    return template, placed


def written(path: Path, template: Template, packets: Packets) -> SegmentFile:
    file = SegmentFile(path, template, {"title": "One - Two"})
    for packet in packets:
        file.add(*packet)
    file.finish()
    return file


@pytest.mark.parametrize("kind", sorted(ENCODINGS))
def test_cut_into_files_a_stream_of_any_codec_is_heard_whole(
    tmp_path: Path, sound: np.ndarray, kind: str
) -> None:
    template, packets = stream_of(kind, sound)
    third = len(packets) // 3
    parts = []
    for number in range(3):
        some = packets[number * third : (number + 1) * third if number < 2 else None]
        path = tmp_path / f"{number}{template.format.suffix}"
        file = written(path, template, some)
        with decode(path, rate_hz=RATE_HZ) as audio:
            parts.append(np.concatenate([block.samples for block in audio]))
            assert audio.damage == ""
        lost_s = file.duration_s - len(parts[-1]) / RATE_HZ
        assert abs(lost_s) <= 0.025, "no more than a packet, which Vorbis needs to begin with"
    whole = np.concatenate(parts)
    assert abs(len(whole) - len(sound)) / RATE_HZ < 0.1
    uncut = tmp_path / f"uncut{template.format.suffix}"
    written(uncut, template, packets)
    expected = read_all(uncut, RATE_HZ)
    # At each cut a few frames sound otherwise: there is nothing before to build on.
    assert np.std(whole) == pytest.approx(np.std(expected), rel=0.03)
    size = min(len(whole), len(expected))
    first = third * round(packets[0][2] / TICKS_HZ * RATE_HZ) - RATE_HZ // 10
    same = np.corrcoef(whole[: min(first, size)], expected[: min(first, size)])[0, 1]
    assert same > 0.999


def test_containers_suit_the_codec() -> None:
    names = {
        codec: format_for(codec).suffix for codec in ("mp3float", "aac", "ac3", "opus", "flac")
    }
    assert names == {"mp3float": ".ts", "aac": ".ts", "ac3": ".ts", "opus": ".ogg", "flac": ".ogg"}
    assert format_for("pcm_s16le").suffix == ".wav"
    assert format_for("wmav2").suffix == ".mka"


def test_mpeg_ts_costs_little_more_than_the_sound_in_it(tmp_path: Path, sound: np.ndarray) -> None:
    template, packets = stream_of("aac", sound)
    path = tmp_path / "x.ts"
    written(path, template, packets)
    assert path.stat().st_size < 1.12 * sum(len(data) for data, _, _ in packets)


@pytest.mark.parametrize("kind", ["mp3", "aac", "opus", "wav", "flac"])
def test_what_was_being_written_when_its_writer_died_is_mended(
    tmp_path: Path, sound: np.ndarray, kind: str
) -> None:
    template, packets = stream_of(kind, sound)
    path = tmp_path / f"x{template.format.suffix}"
    file = SegmentFile(path, template, {})
    for packet in packets[: len(packets) // 2]:
        file.add(*packet)
    killed = path.read_bytes()
    file.finish()
    path.write_bytes(killed[:-77])
    length_s = mend(path)
    assert file.duration_s - 1.6 < length_s <= file.duration_s + 0.03
    with decode(path, rate_hz=RATE_HZ) as audio:
        heard_s = sum(len(block.samples) for block in audio) / RATE_HZ
    assert heard_s == pytest.approx(length_s, abs=0.1)


def test_a_damaged_packet_is_left_out(tmp_path: Path, sound: np.ndarray) -> None:
    template, packets = stream_of("aac", sound)
    data, position, duration = packets[50]
    packets[50] = (b"\0" * len(data), position, duration)
    path = tmp_path / "x.ts"
    file = written(path, template, packets)
    assert file.duration_s == pytest.approx(6.0, abs=0.05)
    assert mend(path) == pytest.approx(6.0, abs=0.1)


def test_a_file_with_nothing_in_it_cannot_be_mended(tmp_path: Path) -> None:
    for content in (b"", b"\0" * 1000, b"G" * 188):
        path = tmp_path / "x.ts"
        path.write_bytes(content)
        assert mend(path) == 0.0


def test_streams_of_one_codec_fit_together_whatever_their_comments(sound: np.ndarray) -> None:
    def template(kind: str, rate_hz: int = RATE_HZ, title: str = "") -> Template:
        file = io.BytesIO()
        encode(sound[:9600], rate_hz, file, format=kind, tags=Tags(title=title))
        with av.open(io.BytesIO(file.getvalue())) as container:
            return Template(container.streams.audio[0])

    for kind in ("ogg", "opus", "mp3"):
        assert template(kind, title="one").fits(template(kind, title="another title"))
    assert not template("mp3").fits(template("mp3", 44_100))
    assert not template("mp3").fits(template("aac"))
