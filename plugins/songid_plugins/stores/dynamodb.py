"""The store in one DynamoDB table, `dynamodb://TABLE?region=...`, shared by any number.

`songid store migrate` makes the table. What an item is, is written in dynamodb_layout;
what a request costs, in the README.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from songid.errors import PluginError
from songid.model import ComponentURL, Heard, Recording, VolumeRow
from songid_plugins.aws_clients import client
from songid_plugins.stores import dynamodb_schema
from songid_plugins.stores.dynamodb_claims import Claims
from songid_plugins.stores.dynamodb_commits import LOCKED_FOR_S, Change, Commits
from songid_plugins.stores.dynamodb_decisions import adding, updating
from songid_plugins.stores.dynamodb_head import read_head
from songid_plugins.stores.dynamodb_journal import Journal
from songid_plugins.stores.dynamodb_layout import meta_key, pack_text, unpack_text
from songid_plugins.stores.dynamodb_pages import Pages
from songid_plugins.stores.dynamodb_recordings import Recordings, by_ids
from songid_plugins.stores.dynamodb_table import PATIENCE_S, ConditionFailed, Table
from songid_plugins.stores.dynamodb_wire import binary, binary_of, wire_key

_OPTIONS = ("region", "endpoint", "role", "journal_days", "claims_days", "patience_s")
_KEPT_DAYS = 400


def open_store(url: ComponentURL) -> DynamoStore:
    """The store in the table that the URL names; nothing is asked of it until it is used.

    Options: `region`, `endpoint` and `role` (a role's ARN to assume), where they are not the
    environment's; `journal_days` and `claims_days` (400; 0: for ever), after which heards and
    claims expire; `patience_s` (60), for how long a request is repeated that is throttled
    or not answered.
    """
    unknown = sorted(url.options.keys() - set(_OPTIONS))
    if unknown:
        raise PluginError(
            f"{url}: the dynamodb store has no option {', '.join(unknown)}; it has "
            f"{', '.join(_OPTIONS)}"
        )
    name = url.rest.removeprefix("//").strip("/")
    if not name or "/" in name:
        raise PluginError(f"{url}: name a table, as in dynamodb://songid?region=eu-west-1")
    service = client(
        "dynamodb",
        region=url.options.get("region", ""),
        endpoint=url.options.get("endpoint", ""),
        role=url.options.get("role", ""),
    )
    table = Table(
        service,
        name,
        check=dynamodb_schema.check,
        patience_s=_amount(url, "patience_s", PATIENCE_S),
    )
    return DynamoStore(
        table,
        journal_days=int(_amount(url, "journal_days", _KEPT_DAYS)),
        claims_days=int(_amount(url, "claims_days", _KEPT_DAYS)),
    )


def _amount(url: ComponentURL, option: str, default: float) -> float:
    given = url.options.get(option, "")
    try:
        amount = float(given) if given else default
    except ValueError:
        amount = -1.0
    if not 0 <= amount < 1e6:
        raise PluginError(f"{url}: {option}={given} is not a number of 0 or more")
    return amount


class DynamoStore:
    """A `songid.interfaces.Store` in one table; safe from many threads and processes."""

    def __init__(
        self,
        table: Table,
        *,
        journal_days: int = _KEPT_DAYS,
        claims_days: int = _KEPT_DAYS,
        locked_for_s: float = LOCKED_FOR_S,
    ) -> None:
        self._table = table
        self._pages = Pages(table)
        self._recordings = Recordings(table)
        self._commits = Commits(table, self._pages, locked_for_s=locked_for_s)
        self._journal = Journal(table, journal_days)
        self._claims = Claims(table, claims_days)

    def close(self) -> None:
        """End the threads; connections are the client's, and shared."""
        self._table.close()

    def migrate(self) -> list[str]:
        """Create the table, its expiry and its backups where they are not there yet."""
        return dynamodb_schema.migrate(Table(self._table.client, self._table.name))

    # -- small facts --------------------------------------------------------------

    def get_meta(self, key: str) -> str | None:
        """A small text remembered under `key`."""
        packed = binary_of(self._table.get(meta_key(key)) or {}, "d")
        return None if packed is None else unpack_text(packed)

    def put_meta(self, key: str, value: str) -> None:
        """Remember `value` under `key`; at most 400 KB when packed."""
        self._table.put({**wire_key(meta_key(key)), "d": binary(pack_text(value))})

    def put_meta_once(self, key: str, value: str) -> str:
        """Remember `value` if `key` has none yet; return what is remembered then."""
        item = {**wire_key(meta_key(key)), "d": binary(pack_text(value))}
        while (known := self.get_meta(key)) is None:
            try:
                self._table.put(item, "attribute_not_exists(pk)")
            except ConditionFailed:
                continue
            return value
        return known

    def delete_meta(self, keys: Sequence[str]) -> None:
        """Forget `keys`; those that are not there are no error."""
        self._table.batch_write(deletes=list(dict.fromkeys(meta_key(key) for key in keys)))

    # -- volumes and pages --------------------------------------------------------

    def put_pages(self, volume_id: str, pages: Sequence[tuple[int, bytes]]) -> None:
        """Write pages of a volume that is not committed yet (and so not visible)."""
        self._pages.put(volume_id, pages)

    def get_pages(self, keys: Sequence[tuple[str, int]]) -> list[bytes]:
        """The pages (volume_id, number) in the order asked; PageGoneError if one is gone."""
        return self._pages.get(keys)

    def commit_volume(
        self,
        volume: VolumeRow | None,
        recordings: Sequence[Recording] = (),
        *,
        replaces: Sequence[str] = (),
        removes: Sequence[str] = (),
        now: datetime,
    ) -> list[Recording]:
        """Make a volume visible, in one step with all that comes with it.

        Removals come first, so that a recording may replace one of the same content.
        Raises StoreError, and changes nothing, where a volume of `replaces` is not live
        or the new one is committed already or has lost pages.
        """
        doubles = self._commits.make(
            Change(
                ids=[*removes, *(each.recording_id for each in recordings)],
                contents=sorted(
                    {r.content_sha256 for r in recordings if r.removed_at is None} - {""}
                ),
                decide=adding(recordings, removes, now),
                now=now,
                volume=volume,
                replaces=tuple(replaces),
            )
        )
        return list(doubles)

    def volumes(self) -> list[VolumeRow]:
        """The live volumes, oldest first."""
        return sorted(read_head(self._table).live, key=lambda row: row.created_at)

    def catalogue_version(self) -> int:
        """A number that grows whenever volumes or recordings change."""
        return read_head(self._table).version

    def drop_retired(self, *, retired_before: datetime, orphans_before: datetime) -> int:
        """Delete pages of volumes retired, and of never committed ones begun, before then.

        Deleting a page costs as many write units as writing it did.
        """
        return self._commits.drop_retired(
            retired_before=retired_before, orphans_before=orphans_before
        )

    # -- recordings ---------------------------------------------------------------

    def recordings(
        self, ids: Sequence[str] | None = None, *, removed: bool = False
    ) -> list[Recording]:
        """Recordings by id (removed ones included), or all live (`removed`: all removed)."""
        if ids is None:
            return self._recordings.everything(removed=removed)
        return self._recordings.by_ids(ids)

    def find_recordings(
        self, *, content_sha256: str = "", audio_sha256: str = "", source: str = ""
    ) -> list[Recording]:
        """Live recordings that have the one value given."""
        given = {
            "content_sha256": content_sha256,
            "audio_sha256": audio_sha256,
            "source": source,
        }
        asked = [(field, value) for field, value in given.items() if value]
        if len(asked) != 1:
            raise ValueError("find_recordings takes exactly one value that is not empty")
        return self._recordings.having(*asked[0])

    def update_recordings(self, recordings: Sequence[Recording]) -> None:
        """Replace the metadata of recordings that are there, by id; others are ignored."""
        there = {
            each.recording_id for each in by_ids(self._table, [r.recording_id for r in recordings])
        }
        known = [each for each in recordings if each.recording_id in there]
        if known:
            self._commits.make(
                Change(
                    ids=[each.recording_id for each in known],
                    decide=updating(known),
                    now=datetime.now(UTC),
                )
            )

    def removed_ids(self) -> set[str]:
        """The ids of all recordings that are marked removed."""
        return self._recordings.removed_ids()

    # -- the journal --------------------------------------------------------------

    def put_heards(self, heards: Sequence[Heard]) -> None:
        """Add heards; one with the same (station, start) is replaced.

        Each is whole or not there. Of many, whoever is killed in between leaves those that
        were written; putting them again makes it whole.
        """
        self._journal.put(heards)

    def heards(
        self, station: str, start: datetime | None = None, end: datetime | None = None
    ) -> list[Heard]:
        """A station's heards that start in [start, end), ordered by start."""
        return self._journal.heards(station, start, end)

    def stations(self) -> list[tuple[str, datetime, datetime]]:
        """Every station in the journal with the start of its first and last heard."""
        return self._journal.stations()

    def drop_heards(self, before: datetime) -> int:
        """Delete heards that start before `before`; returns how many."""
        return self._journal.drop(before)

    # -- claims -------------------------------------------------------------------

    def claim(self, keys: Sequence[str], owner: str, lease_s: float, now: datetime) -> bool:
        """Take all of `keys` or none; see `songid.interfaces.Store.claim`."""
        return self._claims.claim(keys, owner, lease_s, now)

    def complete(self, keys: Sequence[str], owner: str, now: datetime) -> bool:
        """Mark claims as done for good; False if one is no longer the owner's."""
        return self._claims.complete(keys, owner, now)

    def release(self, keys: Sequence[str], owner: str) -> None:
        """Give claims that are not completed back, as if never taken."""
        self._claims.release(keys, owner)

    def completed(self, keys: Sequence[str]) -> set[str]:
        """Which of `keys` are completed."""
        return self._claims.completed(keys)

    def drop_claims(self, completed_before: datetime) -> int:
        """Forget claims completed (or, if never completed, run out) before then."""
        return self._claims.drop(completed_before)
