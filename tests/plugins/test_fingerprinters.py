"""The shipped fingerprinters, held to what every fingerprinter must do."""

from __future__ import annotations

from songid.interfaces import Fingerprinter
from songid.plugin_manager import load
from songid.testing.fingerprinters import FingerprinterConformance


class TestLandmark(FingerprinterConformance):
    def open_fingerprinter(self) -> Fingerprinter:
        fingerprinter: Fingerprinter = load().open("fingerprinters", "landmark")
        return fingerprinter


class TestBands(FingerprinterConformance):
    def open_fingerprinter(self) -> Fingerprinter:
        fingerprinter: Fingerprinter = load().open("fingerprinters", "bands")
        return fingerprinter
