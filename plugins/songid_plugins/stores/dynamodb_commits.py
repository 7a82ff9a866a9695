"""Changing the catalogue in one step, whoever else changes it and whoever dies.

A change locks the recordings it touches (see dynamodb_cells), decides on what it has seen
under one head, and counts if the head is still that one when it is replaced.
"""

from __future__ import annotations

import logging
import random
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from songid.errors import StoreError
from songid.model import Recording, VolumeRow
from songid_plugins.stores import dynamodb_cells as cells
from songid_plugins.stores.dynamodb_decisions import Decide, Known
from songid_plugins.stores.dynamodb_head import (
    changed,
    read_head,
    wire_replace,
    without_retired,
)
from songid_plugins.stores.dynamodb_layout import (
    Key,
    pack_recording,
    recording_key,
    recording_key_of,
    removed_key,
    unpack_recording,
)
from songid_plugins.stores.dynamodb_pages import Pages
from songid_plugins.stores.dynamodb_recordings import (
    drop_hint,
    drop_hints,
    having,
    hint_keys,
)
from songid_plugins.stores.dynamodb_table import ConditionFailed, Table
from songid_plugins.stores.dynamodb_wire import text, wire_key

log = logging.getLogger(__name__)

LOCKED_FOR_S = 2.0
"""How long a recording that another commit locks is waited for, before that is aborted."""

_GIVE_UP_AFTER_S = 120.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 1.0


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the catalogue; `decide` is told of the recordings `ids` that are there,
    and of the live ones that have one of `contents`."""

    ids: Sequence[str]
    decide: Decide
    now: datetime
    contents: Sequence[str] = ()
    volume: VolumeRow | None = None
    replaces: tuple[str, ...] = ()


class _Aborted(Exception):
    """Another aborted this commit: it took long, and held a recording that they needed."""


@dataclass
class _Commit:
    """A commit under way.

    seen: the cells as they were read; locked: what those become that it has locked; hinted:
    the hints that it wrote.
    """

    keys: Sequence[Key]
    name: str = field(default_factory=lambda: secrets.token_hex(6))
    seen: dict[Key, cells.Cell] = field(default_factory=dict)
    locked: dict[Key, bytes | None] = field(default_factory=dict)
    hinted: set[Key] = field(default_factory=set)
    doubles: tuple[Recording, ...] = ()


class Commits:
    """Changes of one table's catalogue."""

    def __init__(self, table: Table, pages: Pages, *, locked_for_s: float = LOCKED_FOR_S) -> None:
        self._table = table
        self._pages = pages
        self._locked_for_s = locked_for_s

    def make(self, change: Change) -> tuple[Recording, ...]:
        """Change the catalogue and return the doubles; StoreError if it is left as it was."""
        deadline = time.monotonic() + _GIVE_UP_AFTER_S
        keys = [recording_key(each) for each in dict.fromkeys(change.ids)]
        while True:
            commit = _Commit(keys)
            cells.begin(self._table, commit.name, keys)
            try:
                tries = 0
                while not self._try(change, commit):
                    if time.monotonic() > deadline:
                        raise StoreError(
                            "the catalogue is changed by so many at once that this change "
                            "found no gap; try again"
                        )
                    # Growing, so that many who add a song each get out of each other's way.
                    time.sleep(
                        random.uniform(
                            0, min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** min(tries, 9))
                        )
                    )
                    tries += 1
            except Exception as error:
                # Where the answer was lost, only now is known whether the change counts.
                if self._undo(commit) == cells.COMMITTED:
                    return commit.doubles
                if not isinstance(error, _Aborted):
                    raise
            else:
                self._finish(commit)
                return commit.doubles

    def _try(self, change: Change, commit: _Commit) -> bool:
        """Whether the change counts; not, if what it was decided on is not so any more."""
        head = read_head(self._table)
        changed(head, change.volume, change.replaces, change.now, removals=False)
        record = self._pages.complete(change.volume) if change.volume else None
        try:
            known = self._known(commit)
            live = having(self._table, "content_sha256", change.contents)
            decision = change.decide(known, live)
            removals = self._lock(commit, known, decision.becomes)
        except cells.Conflict:
            return False
        commit.doubles = decision.doubles
        self._hint(commit, decision.becomes)
        after = changed(head, change.volume, change.replaces, change.now, removals=removals)
        writes = [cells.wire_commit(commit.name), wire_replace(head, after)]
        if change.volume is not None and record is not None:
            writes.append(self._pages.wire_commit(change.volume.volume_id, record))
        try:
            self._table.transact(writes)
        except ConditionFailed as failed:
            if 0 in failed.places:
                raise _Aborted from None
            return False
        return True

    def _known(self, commit: _Commit) -> dict[str, Recording]:
        """The recordings of interest that are there, none held by another commit."""
        self._see(commit, commit.keys)
        values = [commit.seen[key].value for key in commit.keys]
        known = [unpack_recording(value) for value in values if value is not None]
        return {recording.recording_id: recording for recording in known}

    def _see(self, commit: _Commit, keys: Sequence[Key]) -> None:
        """Read cells that are not locked already, freed of other commits."""
        found = cells.read(self._table, [key for key in keys if key not in commit.locked])
        for key, cell in found.items():
            commit.seen[key] = cells.free(
                self._table, cell, commit.name, self._locked_for_s, self._gave_up
            )

    def _lock(self, commit: _Commit, known: Known, becomes: Known) -> bool:
        """Lock the cells of what is to become; whether the set of removed ones changes."""
        pending: dict[Key, bytes | None] = {}
        noted: dict[Key, bytes | None] = {}
        for name, recording in becomes.items():
            key = recording_key(name)
            pending[key] = pack_recording(recording)
            was_removed = name in known and known[name].removed_at is not None
            if was_removed != (recording.removed_at is not None):
                raw = None if was_removed else name.encode("utf-8", "surrogatepass")
                noted[removed_key(key.sk)] = raw
        self._see(commit, list(noted))
        pending |= noted
        # What an earlier try decided otherwise about stays as it is.
        stays = {key: commit.seen[key].value for key in commit.locked if key not in pending}
        self._table.parallel(
            lambda each: self._place(commit, *each),
            [
                (key, value)
                for key, value in (pending | stays).items()
                if key not in commit.locked or commit.locked[key] != value
            ],
        )
        return bool(noted)

    def _hint(self, commit: _Commit, becomes: Known) -> None:
        """Write the hints to what is to become, and drop an earlier try's that are not so."""
        wanted = {hint for each in becomes.values() for hint in hint_keys(each)}
        self._table.batch_write(
            [{**wire_key(hint), "t": text(commit.name)} for hint in sorted(wanted)]
        )
        for name in commit.hinted - wanted:
            drop_hint(self._table, name, commit.name)
        commit.hinted = wanted

    def _place(self, commit: _Commit, key: Key, value: bytes | None) -> None:
        commit.locked[key] = value
        try:
            cells.place(self._table, commit.name, commit.seen[key], value)
        except cells.Conflict:
            del commit.locked[key]
            raise

    # -- afterwards -------------------------------------------------------------------

    def _finish(self, commit: _Commit) -> None:
        """Settle what was committed; what cannot be now, `drop_retired` does later."""
        locked = [
            cells.Cell(key, seen.value, seen.writer, pending, commit.name)
            for key, pending in commit.locked.items()
            for seen in [commit.seen[key]]
        ]
        try:
            self._table.parallel(
                lambda cell: cells.settle(self._table, cell, self._gave_up), locked
            )
            cells.forget(self._table, commit.name, len(commit.keys))
        except StoreError as error:
            log.warning("a commit is kept, but could not be tidied up yet: %s", error)

    def _undo(self, commit: _Commit) -> str:
        """Undo a commit that does not count; what became of it, if it does all the same."""
        try:
            told = cells.abort(self._table, commit.name)
            if told == cells.COMMITTED:
                self._finish(commit)
            else:
                found = cells.read(self._table, list(commit.locked))
                held = [cell for cell in found.values() if cell.holder == commit.name]
                self._table.parallel(
                    lambda cell: cells.restore(self._table, cell, self._gave_up), held
                )
                cells.forget(self._table, commit.name, len(commit.keys))
        except StoreError as error:
            log.warning("a commit that failed could not be tidied up yet: %s", error)
            return cells.UNKNOWN
        return told

    def _gave_up(self, key: Key, kept: bytes | None, lost: bytes | None, writer: str) -> None:
        drop_hints(self._table, key, kept, lost, writer)

    def drop_retired(self, *, retired_before: datetime, orphans_before: datetime) -> int:
        """Delete pages of volumes retired, and of never committed ones begun, before then.

        Commits that were begun before `orphans_before` and whose process died are finished.
        Returns how many volumes' pages were deleted.
        """
        cells.finish_old(self._table, orphans_before, _cells_of, self._gave_up)
        dropped = self._pages.drop_orphans(orphans_before)
        head = read_head(self._table)
        gone = {volume_id for volume_id, at in head.retired if at < retired_before}
        for volume_id in sorted(gone):
            self._pages.drop(volume_id)
        while gone := gone & {volume_id for volume_id, _ in head.retired}:
            try:
                self._table.transact([wire_replace(head, without_retired(head, gone))])
                return dropped + len(gone)
            except ConditionFailed:
                head = read_head(self._table)
        return dropped


def _cells_of(texts: Sequence[str]) -> list[Key]:
    """The cells that a commit may have locked on account of recordings."""
    return [key for text in texts for key in (recording_key_of(text), removed_key(text))]
