"""The conformance kits for stores: subclass one and say how to open a store.

`StoreConformance` is for every store, `MigratableConformance` for one that is migrated, too.
"""

from __future__ import annotations

from songid.testing.store_catalogue import CatalogueConformance
from songid.testing.store_claims import ClaimConformance
from songid.testing.store_concurrency import ConcurrencyConformance
from songid.testing.store_journal import JournalConformance
from songid.testing.store_migrations import MigratableConformance

__all__ = ["MigratableConformance", "StoreConformance"]


class StoreConformance(
    CatalogueConformance, JournalConformance, ClaimConformance, ConcurrencyConformance
):
    """Everything a `songid.interfaces.Store` must do.

    Give `open_store(place)`: opened twice with the same place it must give two handles to
    the same data, and with another place another store. Set `shared_by_processes = False`
    for a store that other processes cannot see, and `many` lower (but above what one request
    of the store takes) where a stand-in for its service is slow.
    """
