"""Fixtures shared by all tests: a store, the shipped fingerprinter, composed songs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from cloud_material import Cloud, cloud_at, moto_server

from songid.catalogue.catalogue import Catalogue
from songid.interfaces import Store
from songid.model import ComponentURL, Samples
from songid.testing.music import compose
from songid_plugins.fingerprinters.landmark import Landmark
from songid_plugins.stores.memory import open_store

SONG_S = 60.0

# Modules whose tests share what takes minutes to make.
_ONE_PROCESS = ("test_terraform_applied.py",)


# xdist's own way, `--dist loadgroup`, does nothing with pytest 9.2: it changes ids that nobody
# reads any more.
@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Have all tests of such a module run in one process, and any other test in any."""
    if config.getvalue("dist") != "load":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            path = nodeid.partition("::")[0]
            return path if path.endswith(_ONE_PROCESS) else nodeid

    return Scheduling(config, log)


@pytest.fixture
def store() -> Iterator[Store]:
    """A store with nothing in it."""
    store = open_store(ComponentURL.parse("memory"))
    yield store
    store.close()


@pytest.fixture
def catalogue(store: Store) -> Catalogue:
    """A catalogue with nothing in it."""
    return Catalogue(store, Landmark())


@pytest.fixture(scope="session")
def songs() -> list[Samples]:
    """Eight composed songs of a minute, mono float32 at the fingerprinter's 11025 Hz.

    By custom the first six are what a catalogue knows, the others are strangers.
    """
    rate_hz = Landmark.sample_rate_hz
    return [
        compose(4_000 + seed, SONG_S, rate_hz)[0].mean(axis=1, dtype="float32") for seed in range(8)
    ]


@pytest.fixture(scope="session")
def cloud_endpoint() -> Iterator[str]:
    """The address of a cloud that this test process has for itself."""
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture
def cloud(cloud_endpoint: str) -> Iterator[Cloud]:
    """That cloud, with the process's AWS clients turned to it for the test."""
    with cloud_at(cloud_endpoint) as cloud:
        yield cloud
