"""The picture: well-formed, self-contained, within its borders, whatever a title holds."""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from songid.explaining.explanation import Candidate, Evidence, Explanation, Lags, Verdict
from songid.explaining.picture import picture
from songid.explaining.spectrogram import spectrogram
from songid.explaining.svg import fitted, ticks, wrapped
from songid.model import UNWARPED, Recording, SoundKind, SoundSpan, Warp

RATE_HZ = 11025
SVG = "{http://www.w3.org/2000/svg}"


def candidate(recording_id: str, score: float, **given: object) -> Candidate:
    plain = Candidate(recording_id, UNWARPED, 30.0, 4, score, 0.5, 5.0)
    return replace(plain, **given)  # type: ignore[arg-type]


@pytest.fixture
def why() -> Explanation:
    rng = np.random.default_rng(1)
    points = np.stack(
        (rng.uniform(0, 11, 50), rng.uniform(90, 5000, 50), rng.uniform(0, 12, 50),
         rng.uniform(90, 5000, 50)), axis=1,
    )  # fmt: skip
    number = np.arange(50)
    evidence = Evidence(
        seconds=rng.uniform(0, 1, 12),
        discount=0.25,
        lags=Lags(np.array([-3.0, 30.0, 99.0]), np.array([0.3, 2.0, 0.5]), 0.01, 0.5),
        aligned=number < 4,
        other=(number >= 4) & (number < 9),
        as_well=number > 40,
        heard_as_well="b",
        points=points,
    )
    return Explanation(
        source="a file.mp3",
        start_s=3605.0,
        duration_s=12.0,
        samples=rng.standard_normal(12 * RATE_HZ).astype(np.float32),
        rate_hz=RATE_HZ,
        sounds=(SoundSpan(0.0, 12.0, SoundKind.MUSIC),),
        asked_for="",
        windows=3,
        verdict=Verdict.NOT_MATCHED,
        threshold=0.99,
        looked_up=50,
        common=0,
        warps_tried=24,
        candidates=(
            candidate("a", 4.0),
            candidate("b", 9.0, shared=0.0, confidence=0.9999, warp=Warp(1.03, 1.03), needed=5.6),
            candidate("c", 1.0, shared=0.9),
        ),
        evidence=evidence,
        play=None,
        recordings={
            "a": Recording("a", 'One <&> "two" ]]> \x07\ud800' + 60 * " long", "Artist"),
            "b": Recording("b", "Other"),
        },
        catalogue_size=3,
        catalogue_s=600.0,
        fingerprinter="landmark/1",
    )


def test_it_is_well_formed_and_holds_all_it_needs(why: Explanation) -> None:
    drawn = picture(why)
    svg = ElementTree.fromstring(drawn)
    assert svg.tag == f"{SVG}svg" and svg.get("width") == "1000"
    addresses = re.findall(rb'(?:href|src)="([^"]*)"|url\(([^)]*)\)', drawn)
    assert [a[:22] for a, _ in addresses] == [b"data:image/png;base64,"]
    assert b"<script" not in drawn
    paths = {each.get("class") for each in svg.iter(f"{SVG}path")}
    assert {"aligned", "other", "as-well", "lag"} <= paths


def test_everything_is_within_its_borders(why: Explanation) -> None:
    svg = ElementTree.fromstring(picture(why))
    width, height = float(svg.get("width", 0)), float(svg.get("height", 0))
    for each in svg.iter():
        for key in ("x", "x1", "x2", "cx", "y", "y1", "y2", "cy"):
            value = each.get(key)
            if value is not None and "%" not in value:
                assert 0 <= float(value) <= (width if "x" in key else height), each.attrib
    # About as wide as a wide font makes it.
    for each in svg.iter(f"{SVG}text"):
        size = {"head": 14.0, "say": 8.2}.get((each.get("class") or "").split(" ")[0], 6.6)
        long = size * len(each.text or "")
        if "end" in (each.get("class") or "").split(" "):
            assert float(each.get("x", 0)) - long >= -2, each.text
        elif "middle" not in (each.get("class") or ""):
            assert float(each.get("x", 0)) + long <= width + 2, each.text


def test_the_spectrogram_is_a_png_that_is_dark_where_a_tone_is() -> None:
    at_s = np.arange(4 * RATE_HZ) / RATE_HZ
    tone = np.where(at_s >= 2.0, np.sin(2 * np.pi * 1000 * at_s), 0).astype(np.float32)
    data = spectrogram(tone, RATE_HZ, 100)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        (check,) = struct.unpack(">I", data[at + 8 + length : at + 12 + length])
        assert check == zlib.crc32(kind + content)
        chunks[kind], at = content, at + 12 + length
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    values = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, width + 1)
    values = values[:, 1:]
    assert height == 100 and width == pytest.approx(4 / 0.0232, abs=2)
    row, column = np.unravel_index(values.argmax(), values.shape)
    assert column > width / 2
    # ln(1 + 1000 / 700) / ln(1 + 5512 / 700) is 0.406 from the bottom.
    assert row == pytest.approx(59, abs=2)
    assert values[:, : width // 2 - 5].max() < 30


@pytest.mark.parametrize("count", [0, 1, 300, 5000])
def test_a_spectrogram_of_little_sound_is_a_picture_still(count: int) -> None:
    assert spectrogram(np.zeros(count, np.float32), RATE_HZ, 50).startswith(b"\x89PNG")


def test_text_is_cut_and_wrapped_to_its_room() -> None:
    assert fitted("short", 100, 12) == "short"
    assert fitted("x" * 100, 66, 12).endswith("…") and len(fitted("x" * 100, 66, 12)) <= 10
    assert wrapped("one two three", 60, 12) == ["one two", "three"]
    assert wrapped("y" * 50, 60, 12)[-1].endswith("…")
    assert ticks(-3, 62, 6, (5, 10, 20)) == [0, 20, 40, 60]
