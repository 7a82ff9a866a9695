"""Throttling, lost answers and wrong tables: what the DynamoDB store bears, and says."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import EndpointConnectionError
from dynamodb_material import (
    THROTTLED,
    any_endpoint,
    client_of,
    credentials,
    moto_endpoint,
    refusing,
    session_folder,
    store_url,
    unheard,
)

from songid.errors import PluginError, StoreError
from songid.model import ComponentURL, Recording
from songid.testing.store_journal import segments
from songid.testing.store_kit import LATER, NOW, volume, volume_ids, write_volume
from songid_plugins.stores.dynamodb import DynamoStore, open_store
from songid_plugins.stores.dynamodb_schema import check
from songid_plugins.stores.dynamodb_table import Table


@pytest.fixture(autouse=True)
def _credentials() -> Iterator[None]:
    with credentials():
        yield


@pytest.fixture
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return any_endpoint(session_folder(tmp_path_factory))


@pytest.fixture
def client(endpoint: str) -> Any:
    return client_of(endpoint, "the hooked")


@pytest.fixture
def table(client: Any) -> Table:
    return Table(client, f"songid-{uuid4().hex}", check=check, patience_s=20.0)


@pytest.fixture
def store(table: Table) -> DynamoStore:
    store = DynamoStore(table)
    store.migrate()
    return store


def use(store: DynamoStore) -> None:
    """Something of everything, with more of each than one request takes."""
    pages = [(number, f"page {number}".encode()) for number in range(130)]
    store.put_pages("v", pages)
    songs = [Recording(f"r{n}", "R", content_sha256=f"c{n}", source=f"{n}") for n in range(30)]
    assert store.commit_volume(volume("v", 130), songs, now=NOW) == []
    assert store.get_pages([("v", number) for number, _ in pages]) == [page for _, page in pages]
    assert len(store.recordings()) == 30
    assert [each.recording_id for each in store.find_recordings(source="7")] == ["r7"]
    write_volume(store, "w", removes=["r7"], replaces=["v"])
    assert store.removed_ids() == {"r7"}
    assert store.drop_retired(retired_before=NOW + LATER, orphans_before=NOW) == 1
    day = segments("one", 60)
    store.put_heards(day)
    assert store.heards("one") == day
    assert store.stations() == [("one", day[0].start, day[-1].start)]
    keys = [f"key {number}" for number in range(40)]
    assert store.claim(keys, "me", 60.0, NOW)
    assert not store.claim(keys[3:5], "you", 60.0, NOW)
    assert store.complete(keys, "me", NOW)
    assert store.completed(keys) == set(keys)
    assert store.drop_claims(NOW + timedelta(days=1)) == 40
    assert store.drop_heards(NOW + timedelta(days=1)) == 60


def test_every_third_request_may_be_throttled(store: DynamoStore, client: Any) -> None:
    with refusing(client, lambda number, body: None if number % 3 else THROTTLED) as refused:
        use(store)
    assert refused.total() > 30
    assert len(refused) >= 7


def test_a_table_may_refuse_everything_for_longer_than_the_sdk_asks(
    store: DynamoStore, client: Any
) -> None:
    with refusing(client, lambda number, body: THROTTLED if number <= 20 else None) as refused:
        store.put_meta("key", "value")
    assert refused.total() == 20
    assert store.get_meta("key") == "value"


def test_what_a_batch_leaves_over_is_asked_again(store: DynamoStore, client: Any) -> None:
    left: set[str] = set()

    def leave_each_batch_once(number: int, body: dict[str, Any]) -> Any:
        batch = body.get("RequestItems")
        if batch is None or str(batch) in left:
            return None
        left.add(str(batch))
        return 200, {"Responses": {}, "UnprocessedItems": batch, "UnprocessedKeys": batch}

    with refusing(client, leave_each_batch_once) as refused:
        use(store)
    assert refused["BatchWriteItem"] > 5
    assert refused["BatchGetItem"] > 2


def test_a_transaction_that_met_another_is_tried_again(store: DynamoStore, client: Any) -> None:
    conflict = {
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "message": "Transaction cancelled [TransactionConflict, None]",
        "CancellationReasons": [{"Code": "TransactionConflict"}, {"Code": "None"}],
    }

    def refuse(number: int, body: dict[str, Any]) -> Any:
        return (400, conflict) if number < 12 else None

    assert store.get_meta("key") is None
    with refusing(client, refuse) as refused:
        assert store.claim(["a", "b"], "me", 60.0, NOW)
    assert refused == {"TransactWriteItems": 11}
    assert store.complete(["a", "b"], "me", NOW)


@pytest.mark.parametrize(
    "operation", ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "Query", "GetItem"]
)
def test_what_was_done_but_not_heard_of_is_not_done_twice(
    store: DynamoStore, client: Any, operation: str
) -> None:
    with unheard(client, operation, times=2):
        use(store)


def test_a_claim_whose_answer_was_lost_is_still_ones_own(store: DynamoStore, client: Any) -> None:
    with unheard(client, "PutItem"):
        assert store.claim(["job"], "me", 60.0, NOW)
    assert not store.claim(["job"], "you", 60.0, NOW)
    with unheard(client, "UpdateItem"):
        assert store.complete(["job"], "me", NOW)
    with unheard(client, "PutItem"):
        assert store.put_meta_once("key", "mine") == "mine"


def test_patience_ends_with_a_sentence(client: Any, store: DynamoStore, table: Table) -> None:
    hasty = DynamoStore(Table(client, table.name, patience_s=0.2))
    with (
        refusing(client, lambda number, body: THROTTLED),
        pytest.raises(StoreError, match="Rate exceeded"),
    ):
        hasty.put_meta("key", "value")

    def leave_all(number: int, body: dict[str, Any]) -> Any:
        return 200, {"Responses": {}, "UnprocessedItems": body["RequestItems"]}

    with refusing(client, leave_all), pytest.raises(StoreError, match="throttled"):
        hasty.delete_meta(["one", "two"])


def test_a_service_that_is_away_for_a_while_is_waited_for(store: DynamoStore, client: Any) -> None:
    back = time.monotonic() + 3.0

    def away(number: int, body: dict[str, Any]) -> None:
        if number > 40 and time.monotonic() < back:
            raise EndpointConnectionError(endpoint_url="the service")

    with refusing(client, away):
        use(store)
    assert time.monotonic() > back


def test_a_service_that_is_not_there_is_a_store_error() -> None:
    url = store_url("http://127.0.0.1:9", "songid", patience_s="0.1")
    with pytest.raises(StoreError, match="cannot be reached"):
        open_store(ComponentURL.parse(url)).get_meta("key")


# -- tables ---------------------------------------------------------------------------


def test_a_missing_table_is_named_with_what_makes_it(table: Table) -> None:
    store = DynamoStore(table)
    with pytest.raises(StoreError, match=f"no table '{table.name}'.*songid store migrate"):
        store.get_meta("key")
    with pytest.raises(StoreError, match="songid store migrate"):
        store.put_meta("key", "value")
    store.migrate()
    store.put_meta("key", "value")
    assert store.get_meta("key") == "value"


def test_migrating_makes_a_table_that_expires_and_is_backed_up() -> None:
    client = client_of(moto_endpoint())
    name = f"songid-{uuid4().hex}"
    store = DynamoStore(Table(client, name))
    made = store.migrate()
    assert [step.split()[0] for step in made] == ["Created", "Let", "Turned"]
    assert all(step.endswith(".") and name in step for step in made)
    assert store.migrate() == []
    told = client.describe_table(TableName=name)["Table"]
    assert told["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    expiry = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert (expiry["TimeToLiveStatus"], expiry["AttributeName"]) == ("ENABLED", "expires_at")
    backups = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_a_table_of_ones_own_making_will_do(client: Any, table: Table) -> None:
    client.create_table(
        TableName=table.name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    )
    store = DynamoStore(table)
    write_volume(store, "v")
    assert not any("Created" in step for step in store.migrate())
    assert volume_ids(store) == ["v"]


def test_a_table_of_another_program_is_refused(client: Any, table: Table) -> None:
    client.create_table(
        TableName=table.name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    with pytest.raises(StoreError, match="another program's"):
        DynamoStore(table).migrate()


def test_a_table_of_a_newer_songid_is_refused(client: Any, table: Table) -> None:
    DynamoStore(table).migrate()
    key = {"pk": {"S": "F"}, "sk": {"S": "-"}}
    client.put_item(TableName=table.name, Item={**key, "v": {"N": "2"}})
    with pytest.raises(StoreError, match="newer songid"):
        DynamoStore(Table(client, table.name, check=check)).get_meta("key")
    with pytest.raises(StoreError, match="newer songid"):
        DynamoStore(table).migrate()


# -- URLs -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("dynamodb:", "name a table"),
        ("dynamodb://one/two", "name a table"),
        ("dynamodb://songid?colour=red", "has no option colour"),
        ("dynamodb://songid?journal_days=many", "journal_days=many"),
        ("dynamodb://songid?claims_days=-1", "claims_days=-1"),
        ("dynamodb://songid?patience_s=nan", "patience_s=nan"),
    ],
)
def test_a_wrong_url_says_what_is_wrong(url: str, says: str) -> None:
    with pytest.raises(PluginError, match=says):
        open_store(ComponentURL.parse(url))


@pytest.mark.parametrize("url", ["dynamodb://songid", "dynamodb:songid", "dynamodb://songid/"])
def test_a_url_names_a_table(url: str) -> None:
    store = open_store(ComponentURL.parse(url))
    assert store._table.name == "songid"
