"""The transforms are SciPy's own, and bring nothing else of SciPy."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import scipy.fft

from songid.audio import fourier


@pytest.fixture(params=["kernel", "scipy"])
def _either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "scipy":
        monkeypatch.setattr(fourier, "_kernel", None)


@pytest.mark.usefixtures("_either_way")
@pytest.mark.parametrize("shape", [(3, 1024), (7, 441), (2, 5, 90), (1, 1)])
def test_spectra_and_signals_equal_those_of_scipy_to_the_last_bit(shape: tuple[int, ...]) -> None:
    signals = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    spectra = fourier.rfft(signals)
    assert spectra.dtype == np.complex64
    assert np.array_equal(spectra, scipy.fft.rfft(signals, axis=-1))
    back = fourier.irfft(spectra, shape[-1])
    assert back.dtype == np.float32
    assert np.array_equal(back, scipy.fft.irfft(spectra, shape[-1], axis=-1))


@pytest.mark.usefixtures("_either_way")
def test_a_longer_transform_pads_with_zeros() -> None:
    signals = np.random.default_rng(2).standard_normal((4, 300)).astype(np.float32)
    length = fourier.next_fast_len(599)
    assert length == scipy.fft.next_fast_len(599, real=True)
    assert np.array_equal(fourier.rfft(signals, length), scipy.fft.rfft(signals, length, axis=1))


def test_overlapping_frames_are_transformed_where_they_lie() -> None:
    samples = np.random.default_rng(3).standard_normal(5_000).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, 512)[::128]
    assert np.array_equal(fourier.rfft(frames), scipy.fft.rfft(frames, axis=1))


def _runs(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_nothing_of_scipy_is_imported_but_the_kernel() -> None:
    program = (
        "import sys, songid.app, songid_plugins.fingerprinters.landmark;"
        "print(*[n for n in sys.modules if n.split('.')[0] == 'scipy'])"
    )
    names = _runs(program).split()
    assert len(names) == 1 and names[0] in fourier._KERNELS


def test_scipy_works_when_it_is_imported_afterwards() -> None:
    program = (
        "from songid.audio import fourier; import numpy as np, scipy.fft, scipy.signal;"
        "x = np.ones((2, 8), np.float32);"
        "print((scipy.fft.rfft(x) == fourier.rfft(x)).all())"
    )
    assert _runs(program) == "True"
