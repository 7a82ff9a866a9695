"""What recordings become when the catalogue changes, decided on what is there.

Pure functions of what a commit has seen; it may see more than once before it counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from songid.model import Recording

Known = Mapping[str, Recording]


@dataclass(frozen=True, slots=True)
class Decision:
    """What recordings are to become, by id, and which are added as removed."""

    becomes: Known
    doubles: tuple[Recording, ...] = ()


Decide = Callable[[Known, Sequence[Recording]], Decision]
"""Decides on the recordings of interest that are there, and on all live ones that have a
content of interest."""


def adding(recordings: Sequence[Recording], removes: Sequence[str], now: datetime) -> Decide:
    """Mark live recordings removed, then add others: a double of a live one as removed."""

    def decide(known: Known, live: Sequence[Recording]) -> Decision:
        becomes: dict[str, Recording] = {}
        doubles = []
        holders: dict[str, set[str]] = {}
        for each in live:
            holders.setdefault(each.content_sha256, set()).add(each.recording_id)

        def become(recording: Recording) -> None:
            name = recording.recording_id
            before = becomes.get(name, known.get(name))
            if before is not None:
                holders.get(before.content_sha256, set()).discard(name)
            if recording.removed_at is None:
                holders.setdefault(recording.content_sha256, set()).add(name)
            becomes[name] = recording

        for name in removes:
            if name in known and known[name].removed_at is None:
                become(replace(known[name], removed_at=now))
        for recording in recordings:
            added, content = recording, recording.content_sha256
            others = holders.get(content, set()) - {recording.recording_id}
            if recording.removed_at is None and content and others:
                added = replace(recording, removed_at=now)
                doubles.append(added)
            become(added)
        return Decision(becomes, tuple(doubles))

    return decide


def updating(recordings: Sequence[Recording]) -> Decide:
    """Replace the recordings that are there."""

    def decide(known: Known, live: Sequence[Recording]) -> Decision:
        return Decision({r.recording_id: r for r in recordings if r.recording_id in known})

    return decide
