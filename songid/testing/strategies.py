"""Hypothesis strategies for the domain's types, with the values that stores stumble over.

Texts hold any character a tag may (NUL too), sources the lone surrogates with which Python
writes a file name that is not UTF-8, times any zone and microsecond, floats every finite
value.
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from songid.model import Heard, Match, Recording, SoundKind, SoundSpan, Warp

texts = st.text(max_size=20)
file_names = st.text(st.characters(exclude_categories=()), max_size=20)
names = st.text(min_size=1, max_size=20)
floats = st.floats(allow_nan=False, allow_infinity=False)
counts = st.integers(0, 2**31)

_ZONES = [UTC, ZoneInfo("Europe/London"), ZoneInfo("America/St_Johns"), ZoneInfo("Pacific/Apia")]
moments = st.datetimes(
    min_value=datetime(1970, 1, 3),  # noqa: DTZ001  (the strategy adds the zone)
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001  (likewise)
    timezones=st.sampled_from(_ZONES),
)

warps = st.builds(Warp, tempo=floats, pitch=floats)
matches = st.builds(
    Match,
    recording_id=names,
    lag_s=floats,
    start_s=floats,
    end_s=floats,
    landmarks=counts,
    score=floats,
    confidence=floats,
    evidence=counts,
    warp=warps,
)
sounds = st.builds(SoundSpan, start_s=floats, end_s=floats, kind=st.sampled_from(SoundKind))
heards = st.builds(
    Heard,
    station=names,
    start=moments,
    duration_s=st.floats(0, 1e6),
    matches=st.lists(matches, max_size=3).map(tuple),
    sounds=st.lists(sounds, max_size=3).map(tuple),
    source=file_names,
    damaged=st.booleans(),
)
recordings = st.builds(
    Recording,
    recording_id=names,
    title=texts,
    artist=texts,
    album=texts,
    label=texts,
    isrc=texts,
    duration_s=floats,
    source=file_names,
    content_sha256=st.just(""),
    audio_sha256=texts,
    landmarks=counts,
    indexed_at=st.none() | moments,
    removed_at=st.none() | moments,
    same_audio_as=texts,
)
