"""What a reader holds of the catalogue at one moment: the volumes' headers on one axis.

Every volume's axis is laid after the one before, so a posting of any volume is one
integer and an alignment with any recording one lag on that common axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from songid.catalogue.pages import VolumeHeader

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

_APART_FRAMES = 1 << 17
"""Between two volumes, so that no query of under 40 minutes aligns across a border."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The live volumes at one version of the catalogue.

    densities: per volume, float64 (pages,), postings per hash value of each page;
    bases_frames: int64 (volumes,), where each volume's axis begins on the common one;
    starts_frames, ends_frames: int64 (recordings,), each recording on the common axis,
    ascending; live: bool (recordings,), False for recordings that were removed;
    extent_frames: how much audio there is to be mistaken for.
    """

    version: int
    volume_ids: tuple[str, ...]
    headers: tuple[VolumeHeader, ...]
    densities: tuple[F64, ...]
    bases_frames: I64
    starts_frames: I64
    ends_frames: I64
    recording_ids: tuple[str, ...]
    live: npt.NDArray[np.bool_]
    extent_frames: int
    postings: int

    def span_of(self, recording: int) -> tuple[int, int]:
        """Where a recording begins and ends on the common axis."""
        return int(self.starts_frames[recording]), int(self.ends_frames[recording])


def take_snapshot(
    version: int,
    volume_ids: Sequence[str],
    headers: Sequence[VolumeHeader],
    removed_ids: set[str],
) -> Snapshot:
    """Lay volumes on one axis."""
    bases: list[int] = []
    starts: list[I64] = []
    ends: list[I64] = []
    ids: list[str] = []
    base = extent = 0
    for header in headers:
        bases.append(base)
        start = header.starts_frames.astype(np.int64)
        starts.append(start + base)
        ends.append(np.append(start[1:], header.extent_frames) + base)
        ids.extend(header.recording_ids)
        base += header.extent_frames + _APART_FRAMES
        extent += header.extent_frames
    return Snapshot(
        version=version,
        volume_ids=tuple(volume_ids),
        headers=tuple(headers),
        densities=tuple(_density(header) for header in headers),
        bases_frames=np.array(bases, np.int64),
        starts_frames=np.concatenate([*starts, np.empty(0, np.int64)]),
        ends_frames=np.concatenate([*ends, np.empty(0, np.int64)]),
        recording_ids=tuple(ids),
        live=np.array([recording_id not in removed_ids for recording_id in ids], np.bool_),
        extent_frames=extent,
        postings=sum(int(header.counts.sum()) for header in headers),
    )


def _density(header: VolumeHeader) -> F64:
    """Postings per hash value in each page; a page's range ends where the next begins."""
    first = header.first_hashes.astype(np.int64)
    # The last page's own range is not known; as wide as the one before is near enough.
    widths = np.diff(
        first, append=first[-1:] + (first[-1:] - first[-2:-1] if len(first) > 1 else 1)
    )
    return header.counts / np.maximum(widths, 1)
