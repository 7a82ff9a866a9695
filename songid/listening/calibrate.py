"""Measuring false matches: music that is not in the catalogue is heard as if it aired.

The share of its windows that is matched all the same is the catalogue's false-positive
rate, which the daily report states.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from songid.audio.decode import decode
from songid.errors import AudioError
from songid.interfaces import Store
from songid.listening.hear import Listener
from songid.listening.identify import ORIGIN
from songid.listening.rules import PlayRules
from songid.model import Calibration

_META = "calibration"


@dataclass(frozen=True, slots=True)
class Unknown:
    """A file whose true recordings are only `own` (removed from what is found), or none."""

    path: Path
    own: frozenset[str] = frozenset()


def measure(
    listener: Listener,
    unknown: Iterable[Unknown],
    rules: PlayRules,
    *,
    recordings: int,
    now: datetime,
    material: str,
    progress: Callable[[Path, float], None] = lambda path, heard_s: None,
) -> tuple[Calibration, list[str]]:
    """Hear files of unknown music; returns the measurement and why files were left out.

    recordings: the live recordings of the catalogue; material: what the music was, in a
    few words for the report.
    """
    windows = wrong = 0
    highest = 0.0
    left_out: list[str] = []
    for each in unknown:
        try:
            with decode(each.path, rate_hz=listener.rate_hz) as audio:
                for heard in listener.listen(audio, station="", start=ORIGIN):
                    others = [m for m in heard.matches if m.recording_id not in each.own]
                    windows += 1
                    wrong += any(match.confidence >= rules.accept for match in others)
                    highest = max(highest, *(match.score for match in others), 0.0)
                    progress(each.path, (heard.end - ORIGIN).total_seconds())
        except AudioError as error:
            left_out.append(str(error))
    measured = Calibration(
        windows=windows,
        false_windows=wrong,
        threshold=rules.accept,
        highest_score=round(highest, 3),
        recordings=recordings,
        measured_at=now,
        material=material,
    )
    return measured, left_out


def upper_bound(false_windows: int, windows: int, confidence: float = 0.95) -> float:
    """The rate that the true one is below, with this confidence (Clopper and Pearson 1934).

    One-sided; with no false window of n it is about 3 / n, the rule of three. Windows of
    one file are taken as independent, which flatters a measurement on few files.
    """
    if false_windows >= windows:
        return 1.0
    # Importing SciPy takes longer than hearing a segment, and only this needs it.
    from scipy.special import betaincinv

    return float(betaincinv(false_windows + 1, windows - false_windows, confidence))


def keep(store: Store, calibration: Calibration) -> None:
    """Store a measurement with the catalogue."""
    fields = asdict(calibration) | {"measured_at": calibration.measured_at.isoformat()}
    store.put_meta(_META, json.dumps(fields))


def kept(store: Store) -> Calibration | None:
    """The catalogue's last measurement, if one was made."""
    text = store.get_meta(_META)
    if text is None:
        return None
    fields = json.loads(text)
    fields["measured_at"] = datetime.fromisoformat(fields["measured_at"])
    return Calibration(**fields)
