"""Adding files to the catalogue: written in batches as they are read.

What is reported as added is kept; whoever stops it in between loses at most the batch at
hand, and running it again skips what is there.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from songid.catalogue.catalogue import Addition, Catalogue
from songid.catalogue.reading import ALREADY_THERE, Analysed, Work, analyse_all, content_sha256
from songid.interfaces import Fingerprinter
from songid.model import Recording

AUDIO_SUFFIXES = frozenset([
    ".3gp", ".aac", ".ac3", ".aif", ".aifc", ".aiff", ".alac", ".amr", ".ape", ".asf", ".au",
    ".avi", ".caf", ".dts", ".eac3", ".flac", ".flv", ".m2ts", ".m4a", ".m4b", ".m4v", ".mka",
    ".mkv", ".mov", ".mp2", ".mp3", ".mp4", ".mpc", ".mpg", ".mpeg", ".mts", ".oga", ".ogg",
    ".ogv", ".opus", ".ra", ".snd", ".spx", ".tak", ".ts", ".tta", ".vob", ".w64", ".wav",
    ".wave", ".webm", ".wma", ".wmv", ".wv",
])  # fmt: skip

_BATCH_LANDMARKS = 5_000_000
_BATCH_WAIT_S = 60.0
_MERGED_AT_ONCE = 32
_ASKED_ONE_BY_ONE = 32


class Outcome(StrEnum):
    """What became of a file."""

    ADDED = "added"
    REPLACED = "replaced"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Indexed:
    """What became of one file; `note` is for a person (a reason, damage, a twin).

    `passing`: it failed for a reason that is not its own (it could not be opened), and may
    do better another time.
    """

    source: str
    outcome: Outcome
    recording: Recording | None = None
    note: str = ""
    passing: bool = False


def walk(paths: Iterable[Path]) -> Iterator[Path]:
    """Audio files below folders, in order; files named outright whatever their suffix."""
    for path in paths:
        if path.is_dir():
            for folder, folders, names in os.walk(path):
                folders[:] = sorted(name for name in folders if not name.startswith("."))
                for name in sorted(names):
                    if Path(name).suffix.lower() in AUDIO_SUFFIXES and not name.startswith("."):
                        yield Path(folder) / name
        else:
            yield path


def index(
    catalogue: Catalogue,
    work: Sequence[Work],
    open_fingerprinter: Callable[[], Fingerprinter],
    *,
    workers: int = 0,
    batch_recordings: int = 256,
    on_read: Callable[[str], None] = lambda source: None,
) -> Iterator[Indexed]:
    """Index files; yields each file's outcome once it is final, in batches.

    `on_read` is told each source once it is read, which may be well before it is kept.
    `open_fingerprinter` must be picklable: it is called in each worker process. Files
    that crash the decoder's process are named and do not stop the others.
    """
    known = _known_contents(catalogue, work)
    batch: list[Analysed] = []
    seen: dict[str, str] = {}
    elsewhere: list[Work] = []
    written = 0
    began = time.monotonic()
    for analysed in analyse_all(work, open_fingerprinter, workers or os.cpu_count() or 1, known):
        source = analysed.work.source
        on_read(source)
        if analysed.recording is None:
            yield Indexed(source, Outcome.FAILED, None, analysed.note, analysed.passing)
            continue
        seen[source] = analysed.recording.content_sha256
        if analysed.fingerprint is None:
            there = catalogue.store.find_recordings(source=source)
            if [each.content_sha256 for each in there] == [seen[source]]:
                yield Indexed(source, Outcome.SKIPPED, there[0], ALREADY_THERE)
            else:
                elsewhere.append(analysed.work)
            continue
        if not batch:
            began = time.monotonic()
        batch.append(analysed)
        landmarks = sum(len(each.fingerprint or ()) for each in batch)
        late = time.monotonic() - began > _BATCH_WAIT_S
        if len(batch) >= batch_recordings or landmarks >= _BATCH_LANDMARKS or late:
            yield from _write(catalogue, batch, elsewhere)
            batch = []
            written += 1
            # All in one go, as a store may charge for whatever is written or deleted.
            if written % _MERGED_AT_ONCE == 0:
                catalogue.merge()
    if batch:
        yield from _write(catalogue, batch, elsewhere)
    if batch or written % _MERGED_AT_ONCE:
        catalogue.merge()
    lost: list[Work] = []
    yield from _settle(catalogue, elsewhere, seen, lost)
    if lost:
        yield from index(catalogue, lost, open_fingerprinter, workers=workers)


def _known_contents(catalogue: Catalogue, work: Sequence[Work]) -> set[str]:
    """The contents that need not be read again; of a few files only theirs are asked for."""
    if len(work) > _ASKED_ONE_BY_ONE:
        return {recording.content_sha256 for recording in catalogue.store.recordings()}
    known = set()
    for each in work:
        with contextlib.suppress(OSError):  # told when it is to be read
            content = content_sha256(each.path)
            if catalogue.store.find_recordings(content_sha256=content):
                known.add(content)
    return known


def _settle(
    catalogue: Catalogue, elsewhere: Sequence[Work], seen: Mapping[str, str], lost: list[Work]
) -> Iterator[Indexed]:
    """Files whose content was known from another source: copies, or files renamed.

    seen: the content of every source that was read. A recording whose own source has other
    content now goes over to the one that has it. Only when all of these are settled is
    removed what is left of sources' earlier content: two files that change names must not
    lose one another. `lost` are those whose recording was replaced by a new one meanwhile.
    """
    settled: list[Indexed] = []
    for work in elsewhere:
        content = seen[work.source]
        there = catalogue.store.find_recordings(content_sha256=content)
        if not there:
            lost.append(work)
            continue
        recording = there[0]
        if seen.get(recording.source, content) != content:
            recording = replace(recording, source=work.source)
            catalogue.store.update_recordings([recording])
        settled.append(Indexed(work.source, Outcome.SKIPPED, recording, ALREADY_THERE))
    outdated = [
        old.recording_id
        for each in settled
        for old in catalogue.store.find_recordings(source=each.source)
        if old.content_sha256 != seen[each.source]
    ]
    if outdated:
        catalogue.remove(outdated)
    yield from settled


def _write(
    catalogue: Catalogue, batch: Sequence[Analysed], elsewhere: list[Work]
) -> Iterator[Indexed]:
    """Add a batch; files whose content came from another source meanwhile go to `elsewhere`."""
    additions = [
        Addition(each.recording, each.fingerprint)
        for each in batch
        if each.recording is not None and each.fingerprint is not None
    ]
    catalogue.make_room()
    results = catalogue.add(additions)
    for each, result in zip(batch, results, strict=True):
        notes = [each.note] if each.note else []
        if result.already_there:
            elsewhere.append(each.work)
            continue
        if result.recording.same_audio_as:
            (twin,) = catalogue.store.recordings([result.recording.same_audio_as])
            notes.append(f"the same audio as {twin.source}")
        outcome = Outcome.REPLACED if result.replaced else Outcome.ADDED
        yield Indexed(each.work.source, outcome, result.recording, "; ".join(notes))
