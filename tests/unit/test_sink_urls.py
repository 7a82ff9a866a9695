"""Which events a sink is sent, and the name it is known by."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from small_material import make_app

from songid.errors import SettingsError
from songid.model import EventKind, Heard
from songid.sink_urls import sink_urls

STARTED, ENDED, HEARD = EventKind.PLAY_STARTED, EventKind.PLAY_ENDED, EventKind.HEARD


@pytest.mark.parametrize(
    ("text", "opened", "only"),
    [
        ("stdout", "stdout", None),
        ("stdout:?events=play_started", "stdout:", {STARTED}),
        (
            "file:a?events=play_started,play_ended&format=json",
            "file:a?format=json",
            {STARTED, ENDED},
        ),
        ("file:a?format=json&events=heard%2Cplay_ended", "file:a?format=json", {HEARD, ENDED}),
        ("https://h/p?a=%20b&events=heard&c=+d", "https://h/p?a=%20b&c=+d", {HEARD}),
        ("file:a?events=heard&events=play_ended", "file:a", {HEARD, ENDED}),
        ("https://h/p?my_events=1", "https://h/p?my_events=1", None),
    ],
)
def test_events_is_taken_out_and_all_else_left_as_it_was(
    text: str, opened: str, only: set[EventKind] | None
) -> None:
    (url,) = sink_urls([text])
    assert (url.name, url.text, url.only) == (opened, opened, only)


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ("play_start", "'play_start'; did you mean 'play_started'"),
        ("", "there are heard, play_started, play_ended"),
        ("heard,", "there are"),
        ("refused", "no event 'refused'"),
    ],
)
def test_an_unknown_event_is_told_without_the_secret(events: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as raised:
        sink_urls([f"https://h/p?secret=abc&events={events}"])
    assert "abc" not in str(raised.value)


def test_a_sink_that_is_named_twice_is_one_and_sent_what_either_wants() -> None:
    (both,) = sink_urls(["file:a?events=heard", "file:a?events=play_ended"])
    assert both.only == {HEARD, ENDED}
    (everything,) = sink_urls(["file:a?events=heard", "file:a"])
    assert everything.only is None


def test_a_name_holds_no_secret_and_stays_when_the_signing_secret_changes() -> None:
    (old,), (new,) = (sink_urls([f"https://h/p?secret={each}"]) for each in ("abc", "xyz"))
    assert old.name == new.name
    assert old.text != new.text
    assert "abc" not in old.name


def test_sinks_that_differ_by_what_is_not_shown_have_names_of_their_own() -> None:
    found = sink_urls([f"https://h/p?secret=s&token={each}" for each in ("abc", "xyz")])
    assert len({url.name for url in found}) == 2
    assert not any("abc" in url.name or "xyz" in url.name for url in found)


def test_a_sink_is_sent_the_events_it_wants_and_no_others(tmp_path: Path) -> None:
    start = datetime(2026, 3, 3, 12, tzinfo=UTC)
    sinks = [f"file:{tmp_path}/some?events=play_started", f"file:{tmp_path}/all"]
    with make_app(tmp_path, sinks=sinks) as app:
        heards = [Heard("radio", start + timedelta(seconds=12 * n), 12.0) for n in range(3)]
        app.journal(heards)
        app.announce(heards)
    written = [json.loads(path.read_bytes()) for path in (tmp_path / "all").rglob("*.json")]
    assert [each["event"] for each in written] == ["heard"] * 3
    assert not (tmp_path / "some").exists()
