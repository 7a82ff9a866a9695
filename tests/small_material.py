"""Short composed songs as files, and apps over a fresh store, for tests of the edges."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from songid.app import App
from songid.audio.encode import encode
from songid.audio.tags import Tags
from songid.model import Samples
from songid.settings import load
from songid.testing.music import compose

RATE_HZ = 22_050
SONG_S = 20.0


@lru_cache
def composed(seed: int) -> tuple[Samples, Tags]:
    """A song's mono samples and tags."""
    stereo, piece = compose(seed, SONG_S, RATE_HZ)
    tags = Tags(piece.title, piece.artist, piece.album, piece.label, piece.isrc)
    return stereo.mean(axis=1, dtype=np.float32), tags


@lru_cache
def song(seed: int) -> bytes:
    """A song as a tagged MP3."""
    samples, tags = composed(seed)
    file = io.BytesIO()
    encode(samples, RATE_HZ, file, format="mp3", bitrate=64_000, tags=tags)
    return file.getvalue()


def title(seed: int) -> str:
    """A song's title."""
    return composed(seed)[1].title


@lru_cache
def aired(*seeds: int) -> bytes:
    """Songs one after another as one MPEG-TS file."""
    file = io.BytesIO()
    encode(np.concatenate([composed(seed)[0] for seed in seeds]), RATE_HZ, file, format="ts")
    return file.getvalue()


def put(path: Path, content: bytes, *, written: datetime | None = None) -> Path:
    """Write a file, long settled unless `written` says when it was written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    at = (written or datetime(2026, 1, 1, tzinfo=UTC)).timestamp()
    os.utime(path, (at, at))
    return path


def make_app(
    folder: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC), **settings: Any
) -> App:
    """An app whose store, inbox and reports are in `folder`; keys with `__` are dotted."""
    defaults = {
        "store": "memory",
        "inbox": f"folder:{folder}/inbox?settle_s=0",
        "reports": str(folder / "reports"),
        "report_formats": ["json"],
        "index.workers": 1,
    }
    given = {key.replace("__", "."): value for key, value in settings.items()}
    empty = folder / "songid.toml"
    if not empty.exists():
        empty.write_text("")
    return App(load(empty, defaults | given), clock)
