from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from songid.errors import SettingsError
from songid.segmenter.plans import folder_url, plans_for
from songid.segmenter.worker import StationPlan
from songid.settings import Settings, StationSettings

KNOWN = Settings(
    stations={
        "two": StationSettings(source="https://radio.example/two"),
        "one": StationSettings(source="https://radio.example/one"),
        "deaf": StationSettings(title="Deaf"),
    }
)


def plans(settings: Settings = KNOWN, **options: Any) -> list[StationPlan]:
    fixed = {"spool": Path("spool"), "spool_bytes": 1, "timeout_s": 15.0}
    return plans_for(settings, **{**fixed, **options})


def test_without_a_url_all_stations_with_a_source_are_listened_to() -> None:
    found = plans()
    assert [(each.station, each.url) for each in found] == [
        ("one", "https://radio.example/one"),
        ("two", "https://radio.example/two"),
    ]
    assert {each.to for each in found} == {"folder:inbox"}
    assert [each.spool for each in found] == [Path("spool/one"), Path("spool/two")]


def test_stations_are_chosen_by_name_each_once() -> None:
    assert [each.station for each in plans(stations=["two", "two"])] == ["two"]


def test_a_url_needs_no_settings() -> None:
    (plan,) = plans(Settings(), url="rtmp://x/y", stations=["Radio_Á"], identify=True)
    assert (plan.station, plan.url, plan.to) == ("Radio_Á", "rtmp://x/y", "")
    assert plan.spool == Path("spool/Radio_%C3%81")


@pytest.mark.parametrize(
    ("settings", "options", "said"),
    [
        (Settings(), {}, "no station in the settings has a source"),
        (KNOWN, {"stations": ["deaf"]}, "stations.deaf.source"),
        (KNOWN, {"stations": ["tow"]}, "did you mean 'two'"),
        (KNOWN, {"url": "http://x/"}, "one --station NAME"),
        (KNOWN, {"url": "http://x/", "stations": ["one", "two"]}, "one --station NAME"),
        (KNOWN, {"url": "http://x/", "stations": ["a/b"]}, "use letters, digits"),
        (KNOWN, {"url": "http://x/", "stations": [".."]}, "use letters, digits"),
        (KNOWN, {"url": "http://x/", "stations": [""]}, "use letters, digits"),
        (KNOWN, {"url": __file__, "stations": ["one"]}, "songid identify"),
        (KNOWN, {"url": f"file://{__file__}", "stations": ["one"]}, "songid identify"),
        (Settings(inbox=""), {"url": "http://x/", "stations": ["one"]}, "--to"),
    ],
)
def test_what_is_missing_or_wrong_is_said_with_what_to_do(
    settings: Settings, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        plans(settings, **options)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("inbox", "to", "url"),
    [
        ("inbox", "", "folder:inbox"),
        ("folder:inbox?settle_s=0", "", "folder:inbox"),
        ("s3://bucket?counter_s=6&region=eu-west-1", "", "s3://bucket?region=eu-west-1"),
        ("inbox", "s3://bucket/below", "s3://bucket/below"),
        ("inbox", "/srv/in box", "folder:/srv/in%20box"),
    ],
)
def test_segments_go_to_the_inbox_unless_said_otherwise(inbox: str, to: str, url: str) -> None:
    assert folder_url(Settings(inbox=inbox), to) == url
