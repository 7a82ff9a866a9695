"""How everything lies in the one table: keys, attribute names, and packed contents.

Items are paid for by size, names and keys included, hence one letter each. What an item
is, is told by its partition key's first letter:

    pk             sk           what
    F              -            v: version of this layout
    M<key>         -            a small fact; d: packed text
    K              -            the catalogue: r revision, v version, g version at which
                                recordings were last removed, b packed lists of volumes
    V              <volume>     s: b(egun), l(ive or retired), x (being cleared away);
                                r revision, u when last written to, w runs of its pages
    P<0-f><volume> <page>       d: content; k: number of parts, if more than one
                   <page>.<n>   d: part n of the content, from 1
    R<0-f>         <recording>  a cell (see dynamodb_cells); d: packed recording
    D              <recording>  a cell; d: id of a removed recording
    H<kind><value> <recording>  hint that a live recording has the value; t: its writer
    T              <commit>     s: p(ending), c(ommitted), a(borted); u begun when; i packed
                                list of recordings it touches
    S              <month><station>  the station may have heards in the month; d: its name,
                                u: when last said so
    J<month><station>  <us>     d: packed heard; us since the month began, in hex
    C<00-1f>       <key>        a claim; o owner, l lease's end, z completed when

Times are microseconds since 1970. Journal and claims have `expires_at`, in seconds.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from songid.documents import (
    compact_json,
    heard_document,
    heard_from,
    recording_document,
    recording_from,
    time_text,
)
from songid.errors import StoreError
from songid.model import Heard, Recording

LAYOUT_VERSION = 1
EXPIRES = "expires_at"

Item = dict[str, Any]
"""An item as the service sends it: attribute name to {type: value}."""


class Key(NamedTuple):
    """An item's primary key."""

    pk: str
    sk: str


LAYOUT = Key("F", "-")
HEAD = Key("K", "-")
VOLUMES, REMOVED, COMMITS, MONTHS = "V", "D", "T", "S"

_MOST_KEY_BYTES = 480  # a sort key may have 1024
_PAGE_SHARDS, _RECORDING_SHARDS, _CLAIM_SHARDS = 16, 16, 32


def key_text(text: str) -> str:
    """Any text as part of a key: as it is, or its hash where a key cannot hold it."""
    raw = text.encode("utf-8", "surrogatepass")
    if text and "\0" not in text and len(raw) <= _MOST_KEY_BYTES:
        try:
            text.encode()
            return text
        except UnicodeEncodeError:
            pass
    return "\0" + hashlib.sha256(raw).hexdigest()


def meta_key(key: str) -> Key:
    """Where a small fact lies."""
    return Key("M" + key_text(key), "-")


def volume_key(volume_id: str) -> Key:
    """Where a volume's record lies."""
    return Key(VOLUMES, key_text(volume_id))


# -- pages ----------------------------------------------------------------------------

# A page's place is spread over 16 partitions, each of which takes 1,000 write units a
# second, so that a bulk of pages is not written into one.


def page_key(volume_id: str, number: int, part: int = 0) -> Key:
    """Where a part of a page lies; StoreError for a negative number."""
    if number < 0:
        raise StoreError(f"{number} is not a page number (0 or more)")
    suffix = f".{part}" if part else ""
    return Key(f"P{number % _PAGE_SHARDS:x}{key_text(volume_id)}", f"{number:x}{suffix}")


def page_partitions(volume_text: str) -> list[str]:
    """The partitions in which a volume's pages lie; `volume_text` as its record's key has it."""
    return [f"P{shard:x}{volume_text}" for shard in range(_PAGE_SHARDS)]


# -- recordings -----------------------------------------------------------------------


def recording_key(recording_id: str) -> Key:
    """Where a recording lies."""
    return recording_key_of(key_text(recording_id))


def recording_key_of(text: str) -> Key:
    """Where the recording lies that a hint, or a commit's list, names so."""
    shard = zlib.crc32(text.encode()) % _RECORDING_SHARDS
    return Key(f"R{shard:x}", text)


def recording_partitions() -> list[str]:
    """The partitions in which all recordings lie."""
    return [f"R{shard:x}" for shard in range(_RECORDING_SHARDS)]


def removed_key(text: str) -> Key:
    """Where it is noted that a recording is removed; `text` as its own key has it."""
    return Key(REMOVED, text)


HINTED = ("content_sha256", "audio_sha256", "source")


def hint_partition(field: str, value: str) -> str:
    """Where live recordings with this value are hinted at."""
    digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest()[:16]
    return f"H{field[0]}{urlsafe_b64encode(digest).decode().rstrip('=')}"


# -- journal and claims ---------------------------------------------------------------


def month_of(moment: datetime) -> str:
    """The month of a moment in UTC, as in 202405."""
    utc = moment.astimezone(UTC)
    return f"{utc.year:04}{utc.month:02}"


def month_begin(month: str) -> datetime:
    """When a month begins."""
    return datetime(int(month[:4]), int(month[4:]), 1, tzinfo=UTC)


def journal_partition(station: str, month: str) -> str:
    """Where a station's heards of a month lie."""
    return f"J{month}{key_text(station)}"


def journal_sort(moment: datetime, month: str) -> str:
    """The sort key of a heard that starts at `moment`, which is in the month."""
    return f"{(moment - month_begin(month)) // timedelta(microseconds=1):011x}"


def journal_moment(month: str, sort: str) -> datetime:
    """The moment that `journal_sort` was given, in UTC."""
    return month_begin(month) + timedelta(microseconds=int(sort, 16))


def month_key(station: str, month: str) -> Key:
    """Where it is noted that a station may have heards in a month."""
    return Key(MONTHS, month + key_text(station))


def claim_key(key: str) -> Key:
    """Where a claim lies."""
    text = key_text(key)
    return Key(f"C{zlib.crc32(text.encode()) % _CLAIM_SHARDS:02x}", text)


def claim_partitions() -> list[str]:
    """The partitions in which all claims lie."""
    return [f"C{shard:02x}" for shard in range(_CLAIM_SHARDS)]


# -- packed contents ------------------------------------------------------------------

# A packed content begins with a byte that says how: 0 as it is, 1 deflated (RFC 1951),
# 2 and 3 deflated with the dictionaries below, which hold what such documents have in
# common, the commonest last. They are part of the stored format and never change.

_PLAIN, _DEFLATED, _HEARD, _RECORDING = range(4)

HEARD_DICTIONARY = (
    b'"damaged":true,"source":"file:///s3://.mp3.wav.aac.flac.m4a'
    b'songs_to_check/streams/_20T000000000Z.ts","pitch":1.0,"tempo":1.0,"evidence":1,'
    b'"evidence":2,"sounds":[[0.0,12.0,"silence"],[0.0,6.0,"speech"],[0.0,12.0,"speech"]],'
    b'"confidence":0.99999,"score":1,"landmarks":,"end_s":11.,"start_s":0.,"lag_s":-,'
    b'"confidence":0.9},{"recording_id":"'
    b'{"duration_s":12.0,"matches":[{"recording_id":"","lag_s":1,"start_s":0.0,"end_s":11.9,'
    b'"landmarks":1,"score":1,"confidence":1.0}],"sounds":[[0.0,12.0,"music"]],"source":"s3://'
)
RECORDING_DICTIONARY = (
    b'"same_audio_as":"","removed_at":"2024-01-01T00:00:00.000000+00:00","label":"Records Music'
    b'","isrc":"GBUSDEFR","album":"The Best of Greatest Hits","artist":"The ","source":"file:///'
    b'songs_to_index/s3://.wav.flac.m4a.mp3","content_sha256":"0123456789abcdef","audio_sha256":"'
    b'"landmarks":19000,"indexed_at":"2025-01-01T00:00:00.000000+00:00"}'
    b'{"recording_id":"","title":"","artist":"","duration_s":240.0,"source":"s3://'
)
_DICTIONARIES = {_DEFLATED: b"", _HEARD: HEARD_DICTIONARY, _RECORDING: RECORDING_DICTIONARY}


def pack(raw: bytes, how: int = _DEFLATED) -> bytes:
    """Bytes made smaller where they can be."""
    dictionary = _DICTIONARIES[how]
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, dictionary)
    small = deflate.compress(raw) + deflate.flush()
    return bytes([how]) + small if len(small) < len(raw) else bytes([_PLAIN]) + raw


def unpack(packed: bytes) -> bytes:
    """The bytes that `pack` was given; StoreError if it was another version's."""
    how, content = packed[0], packed[1:]
    if how == _PLAIN:
        return content
    if how not in _DICTIONARIES:
        raise StoreError("an item was packed by a newer songid; upgrade songid")
    inflate = zlib.decompressobj(-15, zdict=_DICTIONARIES[how])
    return inflate.decompress(content) + inflate.flush()


def pack_text(text: str) -> bytes:
    """Any text, packed."""
    return pack(text.encode("utf-8", "surrogatepass"))


def unpack_text(packed: bytes) -> str:
    """The text that `pack_text` was given."""
    return unpack(packed).decode("utf-8", "surrogatepass")


def pack_recording(recording: Recording) -> bytes:
    """A recording, packed."""
    return pack(compact_json(recording_document(recording)).encode(), _RECORDING)


def unpack_recording(packed: bytes) -> Recording:
    """The recording that `pack_recording` was given."""
    return recording_from(json.loads(unpack(packed)))


def pack_heard(heard: Heard) -> bytes:
    """A heard, packed, without station and start, which its key has."""
    document = heard_document(heard)
    del document["station"], document["start"]
    return pack(compact_json(document).encode(), _HEARD)


# A station's last minutes are read again for each segment; none of them changes meanwhile.
@lru_cache(maxsize=4096)
def unpack_heard(station: str, start: datetime, packed: bytes) -> Heard:
    """The heard that `pack_heard` was given."""
    document = json.loads(unpack(packed))
    return heard_from({**document, "station": station, "start": time_text(start)})
