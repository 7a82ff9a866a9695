"""The hash that an image is tagged by."""

from __future__ import annotations

from pathlib import Path

import pytest

from image_context import content_hash, context_files

ROOT = Path(__file__).parents[3]
IGNORE = "# Only what is copied.\n*\n!README.md\n!songid\n**/__pycache__\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with an ignore file and some sources."""
    for name in ("README.md", "Makefile", "songid/a.py", "songid/__pycache__/a.pyc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "ignore").write_text(IGNORE)
    return tmp_path


def _hash(root: Path, *options: str) -> str:
    return content_hash(root, root / "ignore", options)


def test_it_is_of_what_docker_gets_and_nothing_else(root: Path) -> None:
    first = _hash(root)
    (root / "Makefile").write_text("changed")
    (root / "songid/__pycache__/a.pyc").write_text("changed")
    (root / "songid/a.py").touch()
    assert _hash(root) == first
    (root / "songid/a.py").write_text("changed")
    changed = _hash(root)
    (root / "songid/a.py").rename(root / "songid/b.py")
    assert len({first, changed, _hash(root)}) == 3


def test_it_follows_the_builds_options_in_any_order(root: Path) -> None:
    assert _hash(root, "A=1", "B=2") == _hash(root, "B=2", "A=1")
    assert len({_hash(root), _hash(root, "A=1"), _hash(root, "A=1", "B=2")}) == 3


def test_an_ignore_file_of_another_kind_is_refused(root: Path) -> None:
    (root / "ignore").write_text(IGNORE + "songid/*.txt\n")
    with pytest.raises(ValueError, match=r"'songid/\*\.txt' is not understood"):
        _hash(root)


def test_it_understands_songids_own() -> None:
    files = list(context_files(ROOT, ROOT / "lambda_build/Dockerfile.dockerignore"))
    names = {path.relative_to(ROOT).as_posix() for path in files}
    assert {"pyproject.toml", "songid/lambda_handler.py", "lambda_build/plugins.txt"} <= names
    assert not [name for name in names if "__pycache__" in name or name.startswith("tests")]
