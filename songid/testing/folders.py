"""The conformance kit for folders: subclass `FolderConformance` and say how to open one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import pytest

from songid.errors import FolderError
from songid.interfaces import Folder, StampedFolder

_BYTES = "application/octet-stream"
_TEXT = "text/plain; charset=utf-8"
_TREE = (
    "index.html",
    "radio1/2026-01-31.html",
    "radio1/2026-01-31.json",
    "radio1/2026-02-01.json",
    "radio10/2026-01-31.json",
    "radio2/a/b/c.ts",
)
_ODD_NAMES = ("a b.txt", "Ö/ü é.txt", "a%20b", "a+b", "a#b?c&d=e", "'q\"", "(1) [2].ts", "a\\b")
_NO_NAMES = ("", "/", "/a", "a/", "a//b", ".", "./a", "..", "../a", "a/../b", ".a", "a/.b")


class FolderConformance:
    """Everything a `songid.interfaces.Folder` must do, and a `StampedFolder`, if it is one.

    Give `open_folder(place)`: opened twice with the same place it must give two handles to
    the same files, and with another place another folder. Set `many_files` to more than one
    request lists, for a folder that lists in pages.
    """

    many_files = 30

    def open_folder(self, place: Path) -> Folder:
        """Open the folder at `place`, which is the test's own and empty at first."""
        raise NotImplementedError("a subclass says how to open its folder")

    @pytest.fixture
    def place(self, tmp_path: Path) -> Path:
        """Where the files are."""
        return tmp_path / "files"

    @pytest.fixture
    def folder(self, place: Path) -> Iterator[Folder]:
        """A folder with nothing in it."""
        folder = self.open_folder(place)
        yield folder
        folder.close()

    def test_it_is_a_folder(self, folder: Folder) -> None:
        assert isinstance(folder, Folder)

    def test_closing_twice_does_no_harm(self, place: Path) -> None:
        folder = self.open_folder(place)
        folder.close()
        folder.close()

    def test_at_first_there_is_nothing(self, folder: Folder) -> None:
        assert list(folder.names()) == []
        assert folder.read("a.txt") is None
        assert folder.read("a/b.txt") is None

    @pytest.mark.parametrize("content", [b"", b"text", bytes(range(256)) * 40_000])
    def test_what_was_written_is_read_back(
        self, folder: Folder, place: Path, content: bytes
    ) -> None:
        folder.write("radio1/a.bin", content, _BYTES)
        assert folder.read("radio1/a.bin") == content
        again = self.open_folder(place)
        assert again.read("radio1/a.bin") == content
        again.close()

    def test_a_file_is_replaced_and_stays_where_it_is(self, folder: Folder) -> None:
        first = folder.write("a.txt", b"a long first text", _TEXT)
        second = folder.write("a.txt", b"short", _TEXT)
        assert first == second
        assert folder.read("a.txt") == b"short"
        assert list(folder.names()) == ["a.txt"]

    def test_each_name_has_a_place_of_its_own(self, folder: Folder) -> None:
        places = [folder.write(name, name.encode(), _TEXT) for name in _TREE]
        assert len(set(places)) == len(_TREE)
        assert all(places)
        assert [folder.read(name) for name in _TREE] == [name.encode() for name in _TREE]

    def test_the_beginning_of_a_name_is_no_file(self, folder: Folder) -> None:
        folder.write("radio1/a.txt", b"a", _TEXT)
        assert folder.read("radio1") is None
        assert folder.read("radio1/a") is None
        assert folder.read("radio1/a.txt/b") is None

    @pytest.mark.parametrize("prefix", ["", "r", "radio1", "radio1/", "radio2/a/", "no/", "."])
    @pytest.mark.parametrize("suffix", ["", ".json", "html", "/"])
    def test_names_are_chosen_by_how_they_begin_and_end(
        self, folder: Folder, prefix: str, suffix: str
    ) -> None:
        for name in reversed(_TREE):
            folder.write(name, b"x", _TEXT)
        wanted = [name for name in _TREE if name.startswith(prefix) and name.endswith(suffix)]
        assert list(folder.names(prefix, suffix)) == sorted(wanted)
        assert list(folder.names(prefix=prefix, suffix=suffix)) == sorted(wanted)

    def test_many_files_are_all_listed_in_order(self, folder: Folder) -> None:
        wanted = [f"radio1/{number:05d}.ts" for number in range(self.many_files)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda name: folder.write(name, b"x", "video/mp2t"), wanted))
        assert list(folder.names("radio1/")) == wanted

    @pytest.mark.parametrize("name", _ODD_NAMES)
    def test_names_may_have_odd_characters(self, folder: Folder, name: str) -> None:
        folder.write(name, b"odd", _TEXT)
        assert folder.read(name) == b"odd"
        assert list(folder.names()) == [name]

    @pytest.mark.parametrize("name", _NO_NAMES)
    def test_a_name_that_leads_elsewhere_or_hides_is_refused(
        self, folder: Folder, name: str
    ) -> None:
        with pytest.raises(FolderError):
            folder.write(name, b"x", _TEXT)
        with pytest.raises(FolderError):
            folder.read(name)
        assert list(folder.names()) == []

    def test_another_place_is_another_folder(self, folder: Folder, tmp_path: Path) -> None:
        other = self.open_folder(tmp_path / "files2")
        other.write("a.txt", b"other", _TEXT)
        assert folder.read("a.txt") is None
        assert list(folder.names()) == []
        other.close()

    def test_a_reader_finds_the_old_file_or_the_new_one_whole(self, folder: Folder) -> None:
        versions = [bytes([number]) * 200_000 for number in range(12)]
        folder.write("a.bin", versions[0], _TEXT)
        with ThreadPoolExecutor(2) as pool:
            writing = pool.submit(
                lambda: [folder.write("a.bin", each, _BYTES) for each in versions]
            )
            seen = [folder.read("a.bin")]
            names = [list(folder.names())]
            while not writing.done():
                seen.append(folder.read("a.bin"))
                names.append(list(folder.names()))
            writing.result()
        assert all(content in versions for content in seen)
        assert all(listed == ["a.bin"] for listed in names)

    def test_several_may_write_one_file_at_once(self, folder: Folder, place: Path) -> None:
        handles = [folder, self.open_folder(place)]
        contents = [bytes([number]) * 50_000 for number in range(8)]
        with ThreadPoolExecutor(4) as pool:
            writing = [
                pool.submit(handle.write, "radio1/a.bin", content, _TEXT)
                for handle, content in product(handles, contents)
            ]
        assert len({each.result() for each in writing}) == 1
        assert folder.read("radio1/a.bin") in contents
        assert list(folder.names()) == ["radio1/a.bin"]
        handles[1].close()

    def test_a_stamp_changes_with_its_file_alone(self, folder: Folder) -> None:
        if not isinstance(folder, StampedFolder):
            return
        for name in _TREE:
            folder.write(name, b"first", _TEXT)
        before = dict(folder.stamps())
        assert list(before) == list(folder.names())
        assert all(before.values())
        folder.write(_TREE[1], b"other", _TEXT)
        after = dict(folder.stamps())
        assert [name for name in _TREE if before[name] != after[name]] == [_TREE[1]]
        assert list(folder.stamps("radio1/", ".json")) == [
            (name, stamp)
            for name, stamp in after.items()
            if name.startswith("radio1/") and name.endswith(".json")
        ]
