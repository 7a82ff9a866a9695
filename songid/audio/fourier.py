"""SciPy's Fourier transforms of real signals, without the rest of SciPy.

Importing `scipy.fft` loads two hundred modules for transforms that are not used here, a
fifth of a second and more wherever a process starts; its compiled kernel loads in one
millisecond. What is computed is the same to the last bit.
"""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
C64 = npt.NDArray[np.complex64]

# SciPy's own name of it: from 1.18 on, and before. It is no public part of SciPy, so that
# where neither is found SciPy's public functions do the same.
_KERNELS = ("scipy.fft._duccfft.pyduccfft", "scipy.fft._pocketfft.pypocketfft")
_FORWARD, _BACKWARD = True, False
# How SciPy tells its kernel to scale: not at all, or by the length.
_UNSCALED, _BY_LENGTH = 0, 2


def rfft(signals: F32, length: int | None = None) -> C64:
    """The spectra of real float32 signals along the last axis, of length // 2 + 1, unscaled.

    `length`: what zeros bring the signals to; without it they stay as long as they are.
    """
    if length is not None:
        padded = np.zeros((*signals.shape[:-1], length), signals.dtype)
        padded[..., : signals.shape[-1]] = signals
        signals = padded
    if _kernel is None:
        return np.asarray(_scipy_fft().rfft(signals))
    last = signals.ndim - 1
    return np.asarray(_kernel.r2c(signals, (last,), _FORWARD, _UNSCALED, None, 1))


def irfft(spectra: C64, length: int) -> F32:
    """The real signals of `length` that complex64 spectra belong to: the inverse of `rfft`."""
    if _kernel is None:
        return np.asarray(_scipy_fft().irfft(spectra, length))
    last = spectra.ndim - 1
    return np.asarray(_kernel.c2r(spectra, (last,), length, _BACKWARD, _BY_LENGTH, None, 1))


def next_fast_len(length: int) -> int:
    """The least length from `length` on that is transformed fast."""
    if _kernel is None:
        return int(_scipy_fft().next_fast_len(length, real=True))
    return int(_kernel.good_size(length, True))


def _scipy_fft() -> Any:
    import scipy.fft  # only where its kernel cannot be had alone

    return scipy.fft


def _load_kernel() -> ModuleType | None:
    """The compiled kernel, under its own name: a later `import scipy.fft` uses the same."""
    scipy = importlib.util.find_spec("scipy")  # which imports nothing
    roots = scipy.submodule_search_locations if scipy else None
    for name in _KERNELS:
        if name in sys.modules:
            return sys.modules[name]
        for root in roots or ():
            for suffix in EXTENSION_SUFFIXES:
                path = Path(root, *name.split(".")[1:]).with_suffix(suffix)
                if path.is_file():
                    return _load(name, path)
    return None


def _load(name: str, path: Path) -> ModuleType | None:
    loader = ExtensionFileLoader(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    if spec is None:
        return None
    try:
        kernel = importlib.util.module_from_spec(spec)
        loader.exec_module(kernel)
    except ImportError:
        return None
    if not all(hasattr(kernel, function) for function in ("r2c", "c2r", "good_size")):
        return None
    sys.modules[name] = kernel
    return kernel


_kernel = _load_kernel()
