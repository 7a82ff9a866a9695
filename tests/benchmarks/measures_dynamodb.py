"""What the DynamoDB store's own requests cost, in units as DynamoDB Local counts them.

Pages and songs are made up, as large as a song's are; what segments of music cost, look-ups
included, is measured by the part `dynamodb-segments`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import numpy as np
from benchmarks.measures_segments import dynamodb_server
from benchmarks.results import Measure, Section
from dynamodb_material import NoServerError, Units, counting

from songid.catalogue.pages import PAGE_BYTES
from songid.model import (
    ComponentURL,
    Heard,
    Match,
    Recording,
    SoundKind,
    SoundSpan,
    VolumeRow,
)
from songid_plugins.aws_clients import client
from songid_plugins.stores.dynamodb import DynamoStore, open_store

_SONGS = 64
_POSTINGS = 19_200  # of a song of four minutes
_PAGES = 20  # that these take
_ASKED = 600
_SEGMENTS_A_MONTH = 30 * 86_400 / 12
# On demand, in us-east-1: https://aws.amazon.com/dynamodb/pricing/on-demand/
_WRITE_USD, _READ_USD = 0.625e-6, 0.125e-6
_NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)


def measure_dynamodb(folder: Path) -> Section:
    """Start a DynamoDB Local and count what each request of the store consumes."""
    try:
        with dynamodb_server(folder) as url:
            return _measured(ComponentURL.parse(url))
    except NoServerError as error:
        return Section("DynamoDB, the store's requests", f"not measured: {error}")


def _measured(url: ComponentURL) -> Section:
    service = client("dynamodb", endpoint=url.options["endpoint"])
    with closing(open_store(url)) as store:
        store.migrate()
        store.catalogue_version()

        def cost(work: Callable[[], object]) -> Units:
            with counting(service) as units:
                work()
            return units

        # -- songs
        volumes = [uuid4().hex[:16] for _ in range(4)]
        pages = [_pages(seed) for seed in range(4)]
        put = cost(lambda: store.put_pages(volumes[0], pages[0]))
        commit = cost(lambda: _commit(store, volumes[0], _songs(_SONGS)))
        for volume_id, some in zip(volumes[1:], pages[1:], strict=True):
            store.put_pages(volume_id, some)
            _commit(store, volume_id, _songs(_SONGS))
        small = uuid4().hex[:16]
        one_put = cost(lambda: store.put_pages(small, pages[0][:_PAGES]))
        one_commit = cost(lambda: _commit(store, small, _songs(1)))
        # -- pages
        asked = [(volumes[number % 4], number % (_SONGS * _PAGES) + 1) for number in range(_ASKED)]
        store.get_pages(asked)
        began = time.perf_counter()
        read = cost(lambda: store.get_pages(asked))
        read_s = time.perf_counter() - began
        # -- a merge
        merged = uuid4().hex[:16]
        everything = [
            (number, page)
            for number, page in enumerate((page for some in pages for _, page in some), 1)
        ]
        merge = cost(lambda: store.put_pages(merged, everything))
        merge_commit = cost(lambda: _commit(store, merged, [], replaces=volumes))
        later = datetime.now(UTC) + timedelta(days=1)
        drop = cost(lambda: store.drop_retired(retired_before=later, orphans_before=_NOW))
        # -- a segment
        heards = [_heard(number) for number in range(75)]
        store.put_heards(heards)
        quarter = (_NOW, _NOW + timedelta(minutes=15))
        noted = {
            "claim and complete the job": cost(lambda: _job(store)),
            "put its heard": cost(lambda: store.put_heards(heards[-1:])),
            "mark the day": cost(lambda: store.put_meta("changed:radio1:2024-05-01", "0" * 16)),
            "the catalogue's version": cost(store.catalogue_version),
            "15 minutes of the journal": cost(lambda: store.heards("radio1", *quarter)),
            "claim and complete an event": cost(lambda: _job(store)),
        }
    songs = _SONGS * 4
    written = sum(each.written for each in noted.values())
    units_read = sum(each.read for each in noted.values())
    monthly = _SEGMENTS_A_MONTH * (written * _WRITE_USD + units_read * _READ_USD)
    return Section(
        "DynamoDB, the store's requests",
        f"{_SONGS} songs at once, {_PAGES} pages of {PAGE_BYTES:,} bytes each",
        [
            Measure("written per song, pages", put.written / _SONGS, "units"),
            Measure("written per song, all else", commit.written / _SONGS, "units"),
            Measure("written for a song that comes alone", _all(one_put, one_commit), "units"),
            Measure("written per song merged", _all(merge, merge_commit) / songs, "units"),
            Measure("written per song to clear the merged", drop.written / songs, "units"),
            Measure(f"read for {_ASKED} pages", read.read, "units", at_most=_ASKED / 2),
            Measure("requests for them", read.requests.total()),
            Measure("time for them", 1e3 * read_s, "ms"),
            *(
                Measure(f"a segment: {name}", each.written + each.read, _kind(each))
                for name, each in noted.items()
            ),
            Measure("a station's month of these", monthly, "USD"),
        ],
        details={
            "put": str(put),
            "commit": str(commit),
            "alone": f"{one_put}; {one_commit}",
            "merge": f"{merge}; {merge_commit}",
            "drop": str(drop),
        },
    )


def _all(*units: Units) -> float:
    return sum(each.written for each in units)


def _kind(units: Units) -> str:
    return "write units" if units.written else "read units"


def _job(store: DynamoStore) -> None:
    keys = [uuid4().hex]
    store.claim(keys, "me", 60.0, _NOW)
    store.complete(keys, "me", _NOW)


def _pages(seed: int) -> list[tuple[int, bytes]]:
    rng = np.random.default_rng(seed)
    return [(number, rng.bytes(PAGE_BYTES)) for number in range(1, _SONGS * _PAGES + 1)]


def _songs(count: int) -> list[Recording]:
    return [
        Recording(
            uuid4().hex[:16],
            f"The Song Number {number}",
            "The Artists",
            "An Album",
            "Some Records",
            "GBAAA2400001",
            241.2,
            f"s3://radio-audio/songs_to_index/The Artists/An Album/{number:02} Song.mp3",
            uuid4().hex * 2,
            uuid4().hex * 2,
            _POSTINGS,
            _NOW,
        )
        for number in range(count)
    ]


def _commit(
    store: DynamoStore, volume_id: str, songs: Sequence[Recording], replaces: Sequence[str] = ()
) -> None:
    row = VolumeRow(volume_id, 3, len(songs) * _POSTINGS, _PAGES, 1_000_000, _NOW)
    store.commit_volume(row, songs, replaces=replaces, now=_NOW)


def _heard(number: int) -> Heard:
    """A segment's heard as music gives it: one strong match, and often a weak one."""
    rng = np.random.default_rng(number)

    def match(score: float) -> Match:
        lag_s, start_s = float(rng.uniform(0, 200)), float(rng.uniform(0, 2))
        end_s, confidence = float(rng.uniform(9, 12)), 1.0 - float(rng.exponential(1 / score))
        return Match(
            rng.bytes(8).hex(), lag_s, start_s, end_s, int(score * 2), score, confidence, number % 2
        )

    start = _NOW + timedelta(seconds=12 * number)
    matches = (match(90.123456789), *([match(4.56789)] if number % 2 else []))
    source = f"s3://radio-audio/songs_to_check/streams/radio1_{start:%Y%m%dT%H%M%SZ}.{number:06}.ts"
    return Heard("radio1", start, 12.0, matches, (SoundSpan(0.0, 12.0, SoundKind.MUSIC),), source)
