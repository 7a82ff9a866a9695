"""Every shipped folder that needs nothing but this machine passes the kit and keeps its word."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from songid.errors import FolderError, PluginError
from songid.interfaces import Folder
from songid.model import ComponentURL
from songid.plugin_manager import load
from songid.testing.folders import FolderConformance
from songid_plugins.folders.local import open_folder


class TestLocalFolder(FolderConformance):
    def open_folder(self, place: Path) -> Folder:
        return open_folder(ComponentURL.build("folder", str(place)))


def opened(path: Path | str) -> Folder:
    return open_folder(ComponentURL.build("folder", str(path)))


def test_songid_opens_it_by_its_scheme(tmp_path: Path) -> None:
    folder = load().open("folders", f"folder:{tmp_path}/made")
    assert folder.write("a/b.txt", b"x", "text/plain") == f"{tmp_path}/made/a/b.txt"


def test_a_relative_folder_gives_relative_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert opened("reports").write("radio/a.json", b"{}", "application/json") == (
        "reports/radio/a.json"
    )
    assert (tmp_path / "reports/radio/a.json").read_bytes() == b"{}"


def test_hidden_and_unfinished_files_are_no_names(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    for name in (".hidden", "half.part", ".git/config", "a.txt"):
        (tmp_path / name).write_text("x")
    assert list(opened(tmp_path).names()) == ["a.txt"]


def test_linked_folders_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.txt").write_text("x")
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "radio").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "reports")
    (tmp_path / "reports" / "lost").symlink_to(tmp_path / "nowhere")
    assert list(opened(tmp_path / "reports").names()) == ["radio/a.txt"]


def test_what_cannot_be_written_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    folder = opened(tmp_path)
    with pytest.raises(FolderError, match=r"cannot write .*file/a\.txt: "):
        folder.write("file/a.txt", b"x", "text/plain")
    with pytest.raises(FolderError, match="cannot write"):
        folder.write("x" * 300, b"x", "text/plain")
    with pytest.raises(FolderError, match="no name"):
        folder.write("a\0b", b"x", "text/plain")
    (tmp_path / "folder").mkdir()
    with pytest.raises(FolderError, match="cannot write"):
        folder.write("folder", b"x", "text/plain")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_an_error_and_not_missing(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "a.txt").chmod(0)
    with pytest.raises(FolderError, match="cannot read"):
        opened(tmp_path).read("a.txt")


@pytest.mark.parametrize("text", ["folder", "folder:", "folder://host/x", "folder:x?y=z"])
def test_a_url_that_makes_no_sense_says_what_to_write(text: str) -> None:
    with pytest.raises(PluginError, match="folder"):
        open_folder(ComponentURL.parse(text))
