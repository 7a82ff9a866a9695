"""Reading and fingerprinting files, one after another or over the cores.

The processes of a pool read ahead of whoever takes what they read; a file that kills one
of them is found out and left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from songid.audio.decode import decode
from songid.errors import AudioError
from songid.interfaces import Fingerprinter
from songid.model import Fingerprint, Recording, Samples

ALREADY_THERE = "already in the catalogue"
_CHUNK_S = 600.0


@dataclass(frozen=True, slots=True)
class Work:
    """A file to index, where it comes from in the catalogue's eyes, and its own metadata.

    `metadata` overrides what the tags say, key by key of Recording.
    """

    path: Path
    source: str
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Analysed:
    """What came of reading a file; `note` is for a person.

    Without a recording it failed (`passing`: for a reason that is not its own), without a
    fingerprint its content is known.
    """

    work: Work
    recording: Recording | None
    fingerprint: Fingerprint | None
    note: str
    passing: bool = False


def content_sha256(path: Path) -> str:
    """The hash of all that a file holds; OSError if it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# -- in the workers -------------------------------------------------------------------

_fingerprinter: Fingerprinter | None = None
_known: frozenset[str] = frozenset()


def _begin(open_fingerprinter: Callable[[], Fingerprinter], known: frozenset[str]) -> None:
    global _fingerprinter, _known
    _fingerprinter, _known = open_fingerprinter(), known


def _analyse_in_worker(work: Work) -> Analysed:
    assert _fingerprinter is not None
    return analyse(work, _fingerprinter, _known)


def analyse(work: Work, fingerprinter: Fingerprinter, known: frozenset[str]) -> Analysed:
    """Read and fingerprint one file; a file whose content is in `known` is not decoded."""
    try:
        content = content_sha256(work.path)
        if content in known:
            recording = Recording("", title=work.path.stem, content_sha256=content)
            return Analysed(work, recording, None, ALREADY_THERE)
        with decode(work.path, rate_hz=fingerprinter.sample_rate_hz, name=work.source) as audio:
            fingerprint, duration_s = fingerprint_blocks(
                (block.samples for block in audio), fingerprinter
            )
            tags, damage = audio.tags, audio.damage
    except AudioError as error:
        return Analysed(work, None, None, error.reason)
    except OSError as error:
        reason = f"it cannot be read: {error.strerror or error}"
        return Analysed(work, None, None, reason, passing=True)
    if not len(fingerprint):
        return Analysed(work, None, None, "there is nothing to recognise in it: silence, or noise")
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
    return Analysed(work, recording, fingerprint, f"damaged: {damage}" if damage else "")


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


def analyse_all(
    work: Sequence[Work],
    open_fingerprinter: Callable[[], Fingerprinter],
    workers: int,
    known: set[str],
) -> Iterator[Analysed]:
    """Read files in as many processes, in no order; one worker, or one file, needs no process.

    A file whose content is in `known` is not decoded. One that crashes the decoder's
    process fails by itself.
    """
    frozen = frozenset(known)
    if workers == 1 or len(work) == 1:
        fingerprinter = open_fingerprinter()
        for each in work:
            yield analyse(each, fingerprinter, frozen)
        return
    # Who reads one file at a time need not wait, at start, for what only a pool needs.
    from songid.worker_processes import worker_pool

    left = list(work)
    while left:
        suspects: list[Work] = []
        with worker_pool(min(workers, len(left)), _begin, open_fingerprinter, frozen) as pool:
            yield from _feed(pool, left, suspects, 2 * workers)
        # A process died. What was in the works is tried one by one, to find the culprit.
        while suspects:
            with worker_pool(1, _begin, open_fingerprinter, frozen) as alone:
                yield from _find_culprit(alone, suspects)


def _find_culprit(alone: Executor, suspects: list[Work]) -> Iterator[Analysed]:
    """Take files off `suspects`, one at a time, until none is left or one kills the process."""
    while suspects:
        suspect = suspects.pop(0)
        try:
            yield alone.submit(_analyse_in_worker, suspect).result()
        except BrokenExecutor:
            yield Analysed(suspect, None, None, "it crashes the decoder; it is left out")
            return


def _feed(pool: Executor, left: list[Work], suspects: list[Work], ahead: int) -> Iterator[Analysed]:
    """Keep `ahead` files in the works, taking them off `left`; on a crash fill `suspects`."""
    running: dict[Future[Analysed], Work] = {}
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
    except BrokenExecutor:
        suspects.extend(running.values())
    finally:
        for future in running:
            future.cancel()
