"""What the PostgreSQL store costs: loading songs, bytes on disk, and reading pages.

Loading is held against the plain way, a row per posting with its index in place, by binary
COPY too, on the same server (which writes to disk before a commit returns), of the same songs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import numpy as np
import psycopg
from benchmarks.engine import addition, open_fingerprinter
from benchmarks.results import Measure, Section
from postgres_material import PACKAGE, NoServerError, Server, new_server

from songid.catalogue.catalogue import Addition, Catalogue
from songid.model import Fingerprint
from songid.plugin_manager import load
from songid.testing.music import compose

Connection = psycopg.Connection[tuple[Any, ...]]

_SONGS = 128
_SONG_S = 240.0
_BATCH = 32
_PIECES, _PIECE_S = 4, 30.0
_PAGE_BYTES, _PAGES, _PAGES_ASKED = 3_950, 20_000, 600
_SETTINGS = {
    "fsync": "on",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "30min",
}
# Look-ups find all they need in the index, and adding a recording twice cannot double it.
# Other recordings are there already: a new row goes to a random place of a large index.
_ROWS_BEFORE = 4_000_000
_ROW_PER_POSTING = (
    "CREATE TABLE plain_rows (hash bigint, recording integer, frame integer)",
    "INSERT INTO plain_rows SELECT random() * 2^{hash_bits}, -1 - i / 16000, i % 16000 "
    "FROM generate_series(1, {rows}) AS i",
    "ALTER TABLE plain_rows ADD PRIMARY KEY (hash, recording, frame)",
)


def measure_postgresql(folder: Path) -> Section:
    """Start a server, load the same songs in both ways, and read pages cold and warm.

    Cold: a server that was just started and a new connection; the system's disk cache is
    what it is.
    """
    try:
        server = new_server(PACKAGE, **_SETTINGS)
    except NoServerError as error:
        return Section("PostgreSQL", f"not measured: {error}")
    try:
        return _measured(server)
    finally:
        server.delete()


def _measured(server: Server) -> Section:
    songs = list(_songs(_SONGS))
    postings = sum(len(each.fingerprint) for each in songs)
    with opened(server, "bench") as store, server.connect() as plain:
        _rows_before(plain)
        catalogue = Catalogue(store, open_fingerprinter())
        rows_s = volumes_s = 0.0
        # By turns, so that whatever else the machine does falls on both.
        for begin in range(0, len(songs), _BATCH):
            batch = songs[begin : begin + _BATCH]
            rows_s += _timed(lambda begin=begin, batch=batch: _load_rows(plain, begin, batch))
            volumes_s += _timed(lambda batch=batch: catalogue.add(batch))
        rows_bytes = _bytes(server, "pg_total_relation_size('plain_rows')")
        rows = postings + _ROWS_BEFORE
        on_disk = _bytes(server, _SIZE_OF_SCHEMA.format("bench"))
        merge_s = _timed(catalogue.merge)
    cold_ms, warm_ms, pages_s = _read_pages(server)
    ((version,),) = server.execute("SHOW server_version")
    return Section(
        "PostgreSQL",
        f"{version}, {len(songs)} songs of {postings / 1e6:.1f} million postings; "
        f"{_ROWS_BEFORE / 1e6:.0f} million rows before",
        [
            Measure("loading, times a row per posting", rows_s / volumes_s, at_least=15),
            Measure("loading, pages", len(songs) / volumes_s, "songs/s"),
            Measure("loading, a row per posting", len(songs) / rows_s, "songs/s"),
            Measure("bytes per posting, all in", on_disk / postings, "bytes", at_most=12),
            Measure("bytes per posting as rows", rows_bytes / rows, "bytes"),
            Measure("merging its volumes then", len(songs) / merge_s, "songs/s"),
            Measure(f"{_PAGES_ASKED} pages, cold", cold_ms, "ms"),
            Measure(f"{_PAGES_ASKED} pages, warm", warm_ms, "ms"),
            Measure("writing pages", _PAGES * _PAGE_BYTES / 1e6 / pages_s, "MB/s"),
        ],
    )


@contextmanager
def opened(server: Server, schema: str) -> Iterator[Any]:
    """A store of a schema of its own."""
    with closing(load().open("stores", server.url(schema))) as store:
        store.migrate()
        yield store


# -- songs ----------------------------------------------------------------------------


def _songs(count: int) -> Iterator[Addition]:
    """Songs whose postings lie as those of music do, made from a few that were composed.

    A song is a composed piece again and again, with bits of its hashes turned over anew
    each time, so that hashes are as common or rare as they were.
    """
    fingerprinter = open_fingerprinter()
    pieces = []
    for seed in range(_PIECES):
        stereo, _ = compose(8_000 + seed, _PIECE_S, fingerprinter.sample_rate_hz)
        mono = stereo.mean(axis=1, dtype=np.float32)
        pieces.append(fingerprinter.analyse(mono).for_index())
    chance = np.random.default_rng(1)
    frames = round(_PIECE_S / fingerprinter.frame_s)
    for number in range(count):
        parts = [
            (piece.hashes ^ np.uint32(chance.integers(0, 2**fingerprinter.hash_bits)), place)
            for place in range(round(_SONG_S / _PIECE_S))
            for piece in [pieces[(number + place) % _PIECES]]
        ]
        offsets = [
            pieces[(number + place) % _PIECES].offsets_frames + np.uint32(place * frames)
            for _, place in parts
        ]
        fingerprint = Fingerprint(
            np.concatenate([hashes for hashes, _ in parts]), np.concatenate(offsets)
        )
        yield addition(f"song {number}", f"content {number}", _SONG_S, fingerprint)


# -- a row per posting -------------------------------------------------------------


def _rows_before(connection: Connection) -> None:
    for statement in _ROW_PER_POSTING:
        filled = statement.format(rows=_ROWS_BEFORE, hash_bits=open_fingerprinter().hash_bits)
        connection.execute(filled.encode())


def _load_rows(connection: Connection, first: int, songs: Sequence[Addition]) -> None:
    """A row per posting, in the fastest way there is."""
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY plain_rows (hash, recording, frame) FROM STDIN (FORMAT BINARY)") as copy,
    ):
        copy.write(_HEAD)
        for number, song in enumerate(songs, first):
            copy.write(_rows(number, song.fingerprint))
        copy.write(_TAIL)


# The binary form: https://www.postgresql.org/docs/current/sql-copy.html
_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TAIL = b"\xff\xff"
_ROW = np.dtype(
    [
        ("fields", ">i2"),
        ("hash_size", ">i4"),
        ("hash", ">i8"),
        ("recording_size", ">i4"),
        ("recording", ">i4"),
        ("frame_size", ">i4"),
        ("frame", ">i4"),
    ]
)


def _rows(recording: int, fingerprint: Fingerprint) -> bytes:
    rows = np.zeros(len(fingerprint), _ROW)
    rows["fields"], rows["hash_size"] = 3, 8
    rows["recording_size"] = rows["frame_size"] = 4
    rows["hash"], rows["frame"] = fingerprint.hashes, fingerprint.offsets_frames
    rows["recording"] = recording
    return rows.tobytes()


# -- pages ----------------------------------------------------------------------------


def _read_pages(server: Server) -> tuple[float, float, float]:
    """Milliseconds for some pages at random of a thousand songs', cold and warm.

    And the seconds that it took to write them all.
    """
    chance = Random(1)
    some = [chance.randbytes(_PAGE_BYTES) for _ in range(500)]
    with opened(server, "pages") as store:

        def write() -> None:
            for begin in range(0, _PAGES, 2_000):
                numbers = range(begin, begin + 2_000)
                store.put_pages("volume", [(number, some[number % 500]) for number in numbers])

        written_s = _timed(write)
    server.stop()
    server.start()
    asked = [[("volume", n) for n in chance.sample(range(_PAGES), _PAGES_ASKED)] for _ in range(11)]
    with closing(load().open("stores", server.url("pages"))) as store:
        cold_ms = 1000 * _timed(lambda: store.get_pages(asked[0]))
        for _ in range(2):
            warm_ms = [1000 * _timed(lambda keys=keys: store.get_pages(keys)) for keys in asked]
    return cold_ms, median(warm_ms), written_s


_SIZE_OF_SCHEMA = (
    "(SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c "
    "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE nspname = '{0}' AND relkind = 'r')"
)


def _bytes(server: Server, what: str) -> int:
    ((size,),) = server.execute(f"SELECT {what}")
    return int(size)


def _timed(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun
