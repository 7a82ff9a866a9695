"""Broken files of every kind and format: each gets its reason, none crashes anything."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songid.audio.decode import Decoding, decode
from songid.errors import AudioError
from songid.testing.audio_files import BROKEN_KINDS, FORMATS, broken_files, encoded, noise, stereo

RATE_HZ = 22_050
SECONDS = 1.5
SMALL = {
    name: encoded(stereo(noise(SECONDS, RATE_HZ)), RATE_HZ, name, bitrate=48_000)
    for name in FORMATS
}


def listen(data: bytes) -> Decoding | None:
    """What became of it; None where it was refused with a reason."""
    try:
        with decode(io.BytesIO(data), rate_hz=11_025) as decoding:
            heard_s = 0.0
            for block in decoding:
                assert np.isfinite(block.samples).all()
                assert block.start_s >= heard_s - 1e-6
                heard_s += len(block.samples) / 11_025
    except AudioError as error:
        assert error.reason
        return None
    assert heard_s == pytest.approx(decoding.heard_s, abs=0.01)
    return decoding


def test_two_hundred_broken_files_crash_nothing_and_none_is_heard_longer_than_it_is(
    tmp_path: Path,
) -> None:
    outcomes: dict[str, list[str]] = {kind: [] for kind in BROKEN_KINDS}
    for broken in broken_files(tmp_path, 200, seed=7):
        try:
            with decode(broken.path, rate_hz=11_025) as decoding:
                heard_s = sum(len(block.samples) for block in decoding) / 11_025
            assert heard_s <= broken.seconds + 0.1
            outcomes[broken.kind].append(decoding.damage)
        except AudioError as error:
            assert str(broken.path) in str(error)
            outcomes[broken.kind].append(f"refused: {error.reason}")
    assert sum(map(len, outcomes.values())) == 200
    for kind in ("zero length", "text", "random bytes"):
        assert all(outcome.startswith("refused: ") for outcome in outcomes[kind])
    # A transport stream may break off between two packets and show no trace of it.
    assert all(outcomes["truncated"])
    assert all(outcomes["a hole"])


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from(FORMATS), share=st.floats(0, 1))
def test_a_file_cut_off_anywhere_is_heard_no_longer_than_it_is(name: str, share: float) -> None:
    data = SMALL[name]
    cut = data[: int(share * len(data))]
    decoding = listen(cut)
    if decoding is not None:
        assert decoding.heard_s <= SECONDS + 0.1


@settings(max_examples=100, deadline=None)
@given(
    name=st.sampled_from(FORMATS),
    changes=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=60
    ),
)
def test_changed_bytes_crash_nothing(name: str, changes: list[tuple[float, int]]) -> None:
    data = bytearray(SMALL[name])
    for share, value in changes:
        data[int(share * len(data))] = value
    listen(bytes(data))


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(FORMATS), header=st.binary(min_size=1, max_size=200))
def test_any_header_crashes_nothing(name: str, header: bytes) -> None:
    listen(header + SMALL[name][len(header) :])
