"""Listens to one file with a catalogue and says what it cost: for a fresh process.

`python -m benchmarks.listen_once STORE [FILE]`; the answer is a line of JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks.engine import EPOCH, open_engine
from benchmarks.resources import own_peak_bytes

from songid.audio.decode import decode


def main(store_path: Path, file: Path | None) -> None:
    """Hear the file from beginning to end; without one, only open the catalogue."""
    heards = []
    with open_engine(store_path) as engine:
        if file is not None:
            with decode(file, rate_hz=engine.listener.rate_hz) as audio:
                heards = list(engine.listener.listen(audio, station="long", start=EPOCH))
        plays = engine.plays(heards)
    answer = {
        "heard_s": sum(heard.duration_s for heard in heards),
        "plays": len(plays),
        "peak_bytes": own_peak_bytes(),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
