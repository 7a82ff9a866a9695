from __future__ import annotations

import pytest

from songid.audio.tags import Tags, read_tags


@pytest.mark.parametrize(
    "metadata",
    [
        {"title": "T", "artist": "A", "album": "L", "publisher": "P", "TSRC": "GBAYE6900531"},
        {"TITLE": "T", "ARTIST": "A", "ALBUM": "L", "LABEL": "P", "ISRC": "GB-AYE-69-00531"},
        {"TIT2": "T", "TPE1": "A", "TALB": "L", "TPUB": "P", "TSRC": "gb aye 69 00531"},
        {"Title": "T", "Author": "A", "Album": "L", "organization": "P", "isrc": "GBAYE6900531\0"},
        {
            "title": "T",
            "artist": "A",
            "album": "L",
            "----:com.apple.iTunes:LABEL": "P",
            "----:com.apple.iTunes:ISRC": "ISRC: GBAYE6900531",
        },
    ],
)
def test_tags_are_found_under_the_names_that_formats_use(metadata: dict[str, str]) -> None:
    assert read_tags(metadata) == Tags("T", "A", "L", "P", "GBAYE6900531")


def test_the_container_speaks_before_the_stream() -> None:
    assert read_tags({"title": "one"}, {"TITLE": "two", "artist": "A"}) == Tags("one", "A")


def test_missing_and_empty_tags_are_empty() -> None:
    assert read_tags() == Tags()
    assert read_tags({"title": " \0 ", "isrc": "unknown"}) == Tags()


def test_an_empty_tag_gives_way_to_another_name_for_it() -> None:
    assert read_tags({"artist": "", "album_artist": "A"}).artist == "A"


def test_control_characters_and_excess_are_removed() -> None:
    tags = read_tags({"title": "a\x1b[31m\nb\0c", "artist": "x" * 10_000})
    assert tags.title == "a [31m b c"
    assert len(tags.artist) == 500
