"""Adding files to the catalogue: fingerprinting over the cores, writing in batches.

What is reported as added is kept; whoever stops it in between loses at most the batch at
hand, and running it again skips what is there.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

import numpy as np

from songid.audio.decode import decode
from songid.catalogue.catalogue import Addition, Catalogue
from songid.errors import AudioError
from songid.interfaces import Fingerprinter
from songid.model import Fingerprint, Recording, Samples
from songid.worker_processes import worker_pool

AUDIO_SUFFIXES = frozenset([
    ".3gp", ".aac", ".ac3", ".aif", ".aifc", ".aiff", ".alac", ".amr", ".ape", ".asf", ".au",
    ".avi", ".caf", ".dts", ".eac3", ".flac", ".flv", ".m2ts", ".m4a", ".m4b", ".m4v", ".mka",
    ".mkv", ".mov", ".mp2", ".mp3", ".mp4", ".mpc", ".mpg", ".mpeg", ".mts", ".oga", ".ogg",
    ".ogv", ".opus", ".ra", ".snd", ".spx", ".tak", ".ts", ".tta", ".vob", ".w64", ".wav",
    ".wave", ".webm", ".wma", ".wmv", ".wv",
])  # fmt: skip

_CHUNK_S = 600.0
_BATCH_LANDMARKS = 5_000_000
_BATCH_WAIT_S = 60.0
_MERGED_AT_ONCE = 32
_ASKED_ONE_BY_ONE = 32
_ALREADY_THERE = "already in the catalogue"


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


@dataclass(frozen=True, slots=True)
class Work:
    """A file to index, where it comes from in the catalogue's eyes, and its own metadata.

    `metadata` overrides what the tags say, key by key of Recording.
    """

    path: Path
    source: str
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Analysed:
    work: Work
    recording: Recording | None
    fingerprint: Fingerprint | None
    note: str
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
    batch: list[_Analysed] = []
    seen: dict[str, str] = {}
    elsewhere: list[Work] = []
    written = 0
    began = time.monotonic()
    for analysed in _analyse_all(work, open_fingerprinter, workers or os.cpu_count() or 1, known):
        source = analysed.work.source
        on_read(source)
        if analysed.recording is None:
            yield Indexed(source, Outcome.FAILED, None, analysed.note, analysed.passing)
            continue
        seen[source] = analysed.recording.content_sha256
        if analysed.fingerprint is None:
            there = catalogue.store.find_recordings(source=source)
            if [each.content_sha256 for each in there] == [seen[source]]:
                yield Indexed(source, Outcome.SKIPPED, there[0], _ALREADY_THERE)
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
            content = _content_sha256(each.path)
            if catalogue.store.find_recordings(content_sha256=content):
                known.add(content)
    return known


def _content_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
        settled.append(Indexed(work.source, Outcome.SKIPPED, recording, _ALREADY_THERE))
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
    catalogue: Catalogue, batch: Sequence[_Analysed], elsewhere: list[Work]
) -> Iterator[Indexed]:
    """Add a batch; files whose content came from another source meanwhile go to `elsewhere`."""
    additions = [
        Addition(each.recording, each.fingerprint)
        for each in batch
        if each.recording is not None and each.fingerprint is not None
    ]
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


# -- in the workers -------------------------------------------------------------------

_fingerprinter: Fingerprinter | None = None
_known: frozenset[str] = frozenset()


def _begin(open_fingerprinter: Callable[[], Fingerprinter], known: frozenset[str]) -> None:
    global _fingerprinter, _known
    _fingerprinter, _known = open_fingerprinter(), known


def _analyse_in_worker(work: Work) -> _Analysed:
    assert _fingerprinter is not None
    return analyse(work, _fingerprinter, _known)


def analyse(work: Work, fingerprinter: Fingerprinter, known: frozenset[str]) -> _Analysed:
    """Read and fingerprint one file; a file whose content is in `known` is not decoded."""
    try:
        content = _content_sha256(work.path)
        if content in known:
            recording = Recording("", title=work.path.stem, content_sha256=content)
            return _Analysed(work, recording, None, _ALREADY_THERE)
        with decode(work.path, rate_hz=fingerprinter.sample_rate_hz, name=work.source) as audio:
            fingerprint, duration_s = fingerprint_blocks(
                (block.samples for block in audio), fingerprinter
            )
            tags, damage = audio.tags, audio.damage
    except AudioError as error:
        return _Analysed(work, None, None, error.reason)
    except OSError as error:
        reason = f"it cannot be read: {error.strerror or error}"
        return _Analysed(work, None, None, reason, passing=True)
    if not len(fingerprint):
        return _Analysed(work, None, None, "there is nothing to recognise in it: silence, or noise")
    recording = Recording(
        recording_id="",
        title=work.metadata.get("title") or tags.title or work.path.stem,
        artist=work.metadata.get("artist") or tags.artist,
        album=work.metadata.get("album") or tags.album,
        label=work.metadata.get("label") or tags.label,
        isrc=work.metadata.get("isrc") or tags.isrc,
        duration_s=round(duration_s, 3),
        source=work.source,
        content_sha256=content,
    )
    return _Analysed(work, recording, fingerprint, f"damaged: {damage}" if damage else "")


def fingerprint_blocks(
    blocks: Iterable[Samples], fingerprinter: Fingerprinter
) -> tuple[Fingerprint, float]:
    """The fingerprint for the index of audio of any length, and its seconds.

    Ten minutes are analysed at a time, which bounds memory; landmarks across the seams,
    about one second in six hundred, are not made.
    """
    rate = fingerprinter.sample_rate_hz
    # Whole frames, so that offsets go on without a fraction of a frame lost.
    frame = round(fingerprinter.frame_s * rate)
    size = int(_CHUNK_S * rate) // frame * frame
    parts: list[Samples] = []
    found: list[Fingerprint] = []
    held = done = 0

    def analyse_chunk(samples: Samples) -> None:
        chunk = fingerprinter.analyse(samples).for_index()
        offsets = chunk.offsets_frames + np.uint32(done // frame)
        found.append(Fingerprint(chunk.hashes, offsets))

    for block in blocks:
        parts.append(block)
        held += len(block)
        while held >= size:
            samples = np.concatenate(parts)
            analyse_chunk(samples[:size])
            done += size
            parts, held = [samples[size:]], held - size
    if held:
        analyse_chunk(np.concatenate(parts))
    if not found:
        return Fingerprint(np.empty(0, np.uint32), np.empty(0, np.uint32)), 0.0
    hashes = np.concatenate([each.hashes for each in found])
    offsets = np.concatenate([each.offsets_frames for each in found])
    return Fingerprint(hashes, offsets), (done + held) / rate


# -- the pool -------------------------------------------------------------------------


def _analyse_all(
    work: Sequence[Work],
    open_fingerprinter: Callable[[], Fingerprinter],
    workers: int,
    known: set[str],
) -> Iterator[_Analysed]:
    frozen = frozenset(known)
    if workers == 1 or len(work) == 1:
        fingerprinter = open_fingerprinter()
        for each in work:
            yield analyse(each, fingerprinter, frozen)
        return
    left = list(work)
    while left:
        suspects: list[Work] = []
        with worker_pool(min(workers, len(left)), _begin, open_fingerprinter, frozen) as pool:
            yield from _feed(pool, left, suspects, 2 * workers)
        # A process died. What was in the works is tried one by one, to find the culprit.
        while suspects:
            with worker_pool(1, _begin, open_fingerprinter, frozen) as alone:
                yield from _find_culprit(alone, suspects)


def _find_culprit(alone: ProcessPoolExecutor, suspects: list[Work]) -> Iterator[_Analysed]:
    """Take files off `suspects`, one at a time, until none is left or one kills the process."""
    while suspects:
        suspect = suspects.pop(0)
        try:
            yield alone.submit(_analyse_in_worker, suspect).result()
        except BrokenProcessPool:
            yield _Analysed(suspect, None, None, "it crashes the decoder; it is left out")
            return


def _feed(
    pool: ProcessPoolExecutor, left: list[Work], suspects: list[Work], ahead: int
) -> Iterator[_Analysed]:
    """Keep `ahead` files in the works, taking them off `left`; on a crash fill `suspects`."""
    running: dict[Future[_Analysed], Work] = {}
    try:
        while left or running:
            while left and len(running) < ahead:
                running[pool.submit(_analyse_in_worker, left[0])] = left[0]
                left.pop(0)
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                result = future.result()
                del running[future]
                yield result
    except BrokenProcessPool:
        suspects.extend(running.values())
    finally:
        for future in running:
            future.cancel()
