"""Conformance kits: what any plugin of a family must do, as pytest classes to subclass.

from songid.testing.stores import StoreConformance

class TestMyStore(StoreConformance):
    def open_store(self, place):
        return MyStore(place)
"""

import sys

# Only where pytest runs: the music that is composed here serves the demo, too, which
# has no use for pytest.
if "pytest" in sys.modules:
    import pytest

    pytest.register_assert_rewrite(
        "songid.testing.fingerprinters",
        "songid.testing.folders",
        "songid.testing.report_formats",
        "songid.testing.sinks",
        "songid.testing.sources",
        "songid.testing.store_catalogue",
        "songid.testing.store_claims",
        "songid.testing.store_concurrency",
        "songid.testing.store_journal",
        "songid.testing.store_migrations",
        "songid.testing.stores",
    )
