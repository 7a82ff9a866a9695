"""The conformance kit for sources: subclass `SourceConformance` and say how to add audio."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from songid.errors import SongidError
from songid.interfaces import Source
from songid.model import AudioItem, Job

_FIRST = b"RIFF first " * 1000
_CHANGED = b"RIFF changed and longer " * 1000


class SourceConformance:
    """Everything a `songid.interfaces.Source` must do.

    Give `open_source(place)`, `add(place, number, content)`, which puts a complete piece
    of audio there (0 to 9; the same number again replaces it, at a later time), and
    `read_answer(place, uri)`, which reads what `answer` wrote.
    """

    def open_source(self, place: Path) -> Source:
        """Open the source at `place`, a folder of the test's own."""
        raise NotImplementedError("a subclass says how to open its source")

    def add(self, place: Path, number: int, content: bytes) -> None:
        """Put audio number `number` there, as its producer would, and let it settle."""
        raise NotImplementedError("a subclass says how audio gets into its source")

    def remove(self, place: Path, number: int) -> None:
        """Take audio number `number` away."""
        raise NotImplementedError("a subclass says how audio leaves its source")

    def read_answer(self, place: Path, uri: str) -> bytes:
        """Read the answer at `uri`."""
        raise NotImplementedError("a subclass says how to read an answer")

    @pytest.fixture
    def place(self, tmp_path: Path) -> Path:
        """Where the audio is."""
        return tmp_path

    def listed(self, place: Path) -> list[AudioItem]:
        """What a new source lists."""
        source = self.open_source(place)
        try:
            return list(source.items())
        finally:
            source.close()

    def test_it_is_a_source(self, place: Path) -> None:
        source = self.open_source(place)
        assert isinstance(source, Source)
        source.close()
        source.close()

    def test_an_empty_place_has_no_items(self, place: Path) -> None:
        assert self.listed(place) == []

    def test_everything_there_is_listed_with_its_size(self, place: Path) -> None:
        for number in range(5):
            self.add(place, number, _FIRST + bytes(number))
        items = self.listed(place)
        assert sorted(item.size_bytes for item in items) == [len(_FIRST) + n for n in range(5)]
        assert len({item.uri for item in items}) == 5
        assert len({item.name for item in items}) == 5
        assert all(item.name and item.identity for item in items)

    def test_only_segments_have_a_station_and_all_times_have_a_zone(self, place: Path) -> None:
        self.add(place, 0, _FIRST)
        for item in self.listed(place):
            assert bool(item.station) == (item.job is Job.SEGMENT)
            for moment in (item.start, item.modified_at):
                assert moment is None or moment.utcoffset() is not None
            assert item.start is None or item.job is Job.SEGMENT

    def test_an_item_opens_as_the_bytes_that_were_put_there(self, place: Path) -> None:
        self.add(place, 0, _FIRST)
        source = self.open_source(place)
        (item,) = source.items()
        for _ in range(2):
            with source.open(item) as stream:
                assert stream.read(11) == _FIRST[:11]
                assert stream.read() == _FIRST[11:]
        source.close()

    def test_a_listing_can_be_repeated_and_gives_the_same(self, place: Path) -> None:
        for number in range(3):
            self.add(place, number, _FIRST)
        source = self.open_source(place)
        first = list(source.items())
        assert list(source.items()) == first
        source.close()
        assert self.listed(place) == first

    def test_what_comes_later_is_listed_then(self, place: Path) -> None:
        source = self.open_source(place)
        self.add(place, 0, _FIRST)
        assert len(list(source.items())) == 1
        self.add(place, 1, _FIRST)
        assert len(list(source.items())) == 2
        self.remove(place, 0)
        assert len(list(source.items())) == 1
        source.close()

    def test_changed_bytes_have_another_identity(self, place: Path) -> None:
        self.add(place, 0, _FIRST)
        (before,) = self.listed(place)
        self.add(place, 0, _CHANGED)
        (after,) = self.listed(place)
        assert after.uri == before.uri
        assert after.identity != before.identity

    def test_opening_what_is_gone_is_an_error_with_a_sentence(self, place: Path) -> None:
        self.add(place, 0, _FIRST)
        source = self.open_source(place)
        (item,) = source.items()
        self.remove(place, 0)
        with pytest.raises(SongidError), source.open(item) as stream:
            stream.read()
        source.close()

    def test_an_answer_lies_beside_its_item_and_is_no_item(self, place: Path) -> None:
        self.add(place, 0, _FIRST)
        source = self.open_source(place)
        (item,) = source.items()
        document = json.dumps({"name": item.name, "uri": item.uri}).encode()
        uri = source.answer(item, document)
        assert self.read_answer(place, uri) == document
        assert list(source.items()) == [item]
        source.close()

    def test_a_second_answer_replaces_the_first(self, place: Path) -> None:
        self.add(place, 0, _FIRST)
        source = self.open_source(place)
        (item,) = source.items()
        first = source.answer(item, b'{"plays": [1, 2, 3]}')
        second = source.answer(item, b"{}")
        assert first == second
        assert self.read_answer(place, second) == b"{}"
        source.close()

    def test_each_item_has_an_answer_of_its_own(self, place: Path) -> None:
        for number in range(3):
            self.add(place, number, _FIRST)
        source = self.open_source(place)
        uris = [source.answer(item, item.name.encode()) for item in source.items()]
        assert len(set(uris)) == 3
        assert {self.read_answer(place, uri).decode() for uri in uris} == {
            item.name for item in source.items()
        }
        source.close()
