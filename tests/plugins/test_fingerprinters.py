"""The shipped fingerprinters, held to what every fingerprinter must do."""

from __future__ import annotations

from songid.interfaces import DrawableFingerprinter
from songid.plugin_manager import load
from songid.testing.fingerprinters import DrawableFingerprinterConformance


class TestLandmark(DrawableFingerprinterConformance):
    def open_fingerprinter(self) -> DrawableFingerprinter:
        fingerprinter: DrawableFingerprinter = load().open("fingerprinters", "landmark")
        return fingerprinter


class TestBands(DrawableFingerprinterConformance):
    def open_fingerprinter(self) -> DrawableFingerprinter:
        fingerprinter: DrawableFingerprinter = load().open("fingerprinters", "bands")
        return fingerprinter
