"""The conformance kits for sources: subclass one and say how audio gets there.

`SourceConformance` is for every source, `NotifiedSourceConformance` for one that is told, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from songid.errors import NotificationError, SongidError
from songid.interfaces import NotifiedSource, Source
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


class NotifiedSourceConformance(SourceConformance):
    """Everything a `songid.interfaces.NotifiedSource` must do, beside what every source must.

    Give `notices(place)`, too: the notifications that were sent since it was last asked.
    """

    def open_source(self, place: Path) -> NotifiedSource:
        """Open the source at `place`, a folder of the test's own."""
        raise NotImplementedError("a subclass says how to open its source")

    def notices(self, place: Path) -> list[Mapping[str, Any]]:
        """What whoever keeps the audio sent when it was added, in order."""
        raise NotImplementedError("a subclass says what its source is told")

    @pytest.fixture
    def source(self, place: Path) -> Iterator[NotifiedSource]:
        """A source with notifications turned on."""
        source = self.open_source(place)
        self.notices(place)  # some tell that they were turned on
        yield source
        source.close()

    def test_it_is_a_notified_source(self, source: NotifiedSource) -> None:
        assert isinstance(source, NotifiedSource)

    def test_what_is_told_is_what_is_listed(self, source: NotifiedSource, place: Path) -> None:
        for number in range(3):
            self.add(place, number, _FIRST + bytes(number))
        told = [source.notified(notice) for notice in self.notices(place)]
        assert sorted(_told(item) for item in told) == sorted(map(_told, source.items()))
        for item in told:
            assert item is not None
            assert item.modified_at is None or item.modified_at.utcoffset() is not None

    def test_what_is_told_opens_as_the_bytes_that_were_put_there(
        self, source: NotifiedSource, place: Path
    ) -> None:
        self.add(place, 0, _FIRST)
        (notice,) = self.notices(place)
        item = source.notified(notice)
        assert item is not None
        with source.open(item) as stream:
            assert stream.read() == _FIRST

    def test_a_notice_that_comes_again_tells_the_same(
        self, source: NotifiedSource, place: Path
    ) -> None:
        self.add(place, 0, _FIRST)
        (notice,) = self.notices(place)
        again = json.loads(json.dumps(notice))
        assert source.notified(notice) == source.notified(notice) == source.notified(again)
        other = self.open_source(place)
        assert other.notified(notice) == source.notified(notice)
        other.close()

    def test_changed_bytes_are_told_of_with_another_identity(
        self, source: NotifiedSource, place: Path
    ) -> None:
        self.add(place, 0, _FIRST)
        self.add(place, 0, _CHANGED)
        first, second = (source.notified(notice) for notice in self.notices(place))
        assert first is not None
        assert second is not None
        assert first.uri == second.uri
        assert first.identity != second.identity

    def test_an_answer_is_told_of_as_nothing_to_be_done(
        self, source: NotifiedSource, place: Path
    ) -> None:
        self.add(place, 0, _FIRST)
        self.notices(place)
        (item,) = source.items()
        source.answer(item, b"{}")
        assert [source.notified(notice) for notice in self.notices(place)] in ([], [None])

    @pytest.mark.parametrize(
        "notice",
        [{}, {"a": 1}, {"detail": None}, {"object": 5, "bucket": []}, {"Records": [{}]}],
        ids=str,
    )
    def test_a_notice_of_no_known_form_is_refused_with_a_sentence(
        self, source: NotifiedSource, notice: Mapping[str, Any]
    ) -> None:
        with pytest.raises(NotificationError, match=r"\w+ \w+"):
            source.notified(notice)


def _told(item: AudioItem | None) -> tuple[str, ...]:
    """What a listing and a notification must both tell."""
    assert item is not None
    size = str(item.size_bytes)
    return item.uri, item.name, item.identity, item.job, item.station, str(item.start), size
