"""What goes into an image, as one number: the same files and options give the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path


def content_hash(root: Path, ignore: Path, options: Iterable[str]) -> str:
    """Sixteen hexadecimal digits of all that `docker build` gets: files and their options."""
    total = hashlib.sha256()
    for part in sorted(options):
        total.update(f"{part}\0".encode())
    for path in context_files(root, ignore):
        total.update(f"{path.relative_to(root).as_posix()}\0".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()[:16]


def context_files(root: Path, ignore: Path) -> Iterator[Path]:
    """The files that an ignore file lets in, sorted.

    It must leave out everything (`*`), let in names (`!name`), and of these leave out what
    bears a name at any depth (`**/name`). ValueError for any other line.
    """
    let_in, left_out = set(), set()
    for line in ignore.read_text(encoding="utf-8").splitlines():
        if line.startswith("!"):
            let_in.add(line[1:])
        elif line.startswith("**/"):
            left_out.add(line[3:])
        elif line and line != "*" and not line.startswith("#"):
            raise ValueError(f"{ignore}: {line!r} is not understood here")
    for name in sorted(let_in):
        for path in sorted([root / name, *(root / name).rglob("*")]):
            if path.is_file() and not left_out & set(path.relative_to(root).parts):
                yield path
