"""The DynamoDB store, held to what every store must do, on both stand-ins for the service."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from dynamodb_material import (
    credentials,
    local_endpoint,
    moto_endpoint,
    session_folder,
    store_url,
)

from songid.interfaces import Migratable, Store
from songid.plugin_manager import load
from songid.testing.stores import StoreConformance


@pytest.fixture(autouse=True)
def _credentials() -> Iterator[None]:
    with credentials():
        yield


def opened(endpoint: str, place: Path) -> Store:
    """The store in a table of the place's own, which is made if it is not there."""
    table = "songid-" + hashlib.sha256(str(place).encode()).hexdigest()[:24]
    store: Store = load().open("stores", store_url(endpoint, table))
    assert isinstance(store, Migratable)
    store.migrate()
    return store


class TestDynamoStoreOnMoto(StoreConformance):
    many = 300

    def open_store(self, place: Path) -> Store:
        return opened(moto_endpoint(), place)


class TestDynamoStoreOnDynamoDBLocal(StoreConformance):
    endpoint = ""

    @pytest.fixture(autouse=True)
    def _server(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        type(self).endpoint = local_endpoint(session_folder(tmp_path_factory))

    def open_store(self, place: Path) -> Store:
        return opened(self.endpoint, place)
