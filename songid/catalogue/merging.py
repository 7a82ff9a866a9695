"""Merging a catalogue's volumes by size tiers, so that a look-up has few of them to ask.

One merges at a time, under a claim. Who loses it, or dies, leaves volumes as they were and
pages that nobody reads, which are dropped later.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from songid.catalogue.pages import MAX_EXTENT_FRAMES, VolumeHeader
from songid.catalogue.volumes import FANOUT, merge_volumes, new_volume_id
from songid.errors import ClaimLostError, PageGoneError, StoreError
from songid.interfaces import Store
from songid.model import VolumeRow

log = logging.getLogger(__name__)

_CLAIM = "merge"
_LEASE_S = 300.0
_MERGED_AT_ONCE = 64
_RETIRED_FOR = timedelta(seconds=60)
_ORPHANED_FOR = timedelta(hours=1)
_MOSTLY_DEAD = 0.3


@dataclass(frozen=True, slots=True)
class Merger:
    """Merges a store's volumes, claiming to as `owner`.

    `header` gives a volume's header, and raises PageGoneError if it was merged away;
    `changed` is called whenever the volumes have changed.
    """

    store: Store
    owner: str
    clock: Callable[[], datetime]
    header: Callable[[str], VolumeHeader]
    changed: Callable[[], None]

    def merge(self) -> int | None:
        """Merge until nothing is left to merge; returns merges made, None if another is at it."""
        if not self._claim():
            return None
        merged = 0
        try:
            try:
                while chosen := self._to_merge():
                    self._merge(chosen)
                    merged += 1
            except (PageGoneError, ClaimLostError) as error:
                log.info("a merge was left to another: %s", error)
            now = self.clock()
            self.store.drop_retired(
                retired_before=now - _RETIRED_FOR, orphans_before=now - _ORPHANED_FOR
            )
        finally:
            self.store.release([_CLAIM], self.owner)
        return merged

    def _claim(self) -> bool:
        return self.store.claim([_CLAIM], self.owner, _LEASE_S, self.clock())

    def _to_merge(self) -> list[VolumeRow]:
        volumes = self.store.volumes()
        tiers: dict[int, list[VolumeRow]] = {}
        for volume in volumes:
            tiers.setdefault(volume.tier, []).append(volume)
        for tier in sorted(tiers):
            chosen = self._that_fit(tiers[tier][:_MERGED_AT_ONCE])
            if len(chosen) < FANOUT:
                continue
            # What comes of it would complete the next tier: written once instead of twice.
            while len(more := tiers.get(tier + 1, [])) >= FANOUT - 1:
                both = self._that_fit([*chosen, *more][:_MERGED_AT_ONCE])
                if len(both) < len(chosen) + len(more):
                    break
                chosen, tier = both, tier + 1
            return chosen
        removed = self.store.removed_ids()
        for volume in volumes:
            header = self.header(volume.volume_id)
            if _dead_frames(header, removed) > _MOSTLY_DEAD * header.extent_frames:
                return [volume]
        return []

    def _that_fit(self, volumes: Sequence[VolumeRow]) -> list[VolumeRow]:
        """The first of these volumes whose audio fits one volume's axis."""
        extents = [self.header(volume.volume_id).extent_frames for volume in volumes]
        fitting = int(np.searchsorted(np.cumsum(extents), MAX_EXTENT_FRAMES, "right"))
        return list(volumes[:fitting])

    def _merge(self, volumes: Sequence[VolumeRow]) -> None:
        renewed = time.monotonic()

        def keep_claim() -> None:
            nonlocal renewed
            if time.monotonic() - renewed > _LEASE_S / 4:
                if not self._claim():
                    raise ClaimLostError("the claim on merging ran out")
                renewed = time.monotonic()

        now = self.clock()
        removed = self.store.removed_ids()
        headers = [self.header(volume.volume_id) for volume in volumes]
        merged = merge_volumes(
            self.store,
            new_volume_id(),
            volumes,
            headers,
            lambda recording_id: recording_id not in removed,
            now,
            keep_claim=keep_claim,
        )
        if merged is not None and len(volumes) == 1:
            merged = replace(merged, tier=volumes[0].tier)  # cleared of the dead, not grown
        merging = {volume.volume_id for volume in volumes}
        try:
            self.store.commit_volume(merged, replaces=sorted(merging), now=now)
            self.changed()
        except StoreError as error:
            if merging <= {volume.volume_id for volume in self.store.volumes()}:
                raise
            raise ClaimLostError("the claim on merging ran out, and another merged") from error


def _dead_frames(header: VolumeHeader, removed: set[str]) -> int:
    ends = np.append(header.starts_frames[1:], header.extent_frames).astype(np.int64)
    dead = np.array([i in removed for i in header.recording_ids], bool)
    return int((ends - header.starts_frames)[dead].sum())
