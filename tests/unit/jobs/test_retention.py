from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from small_material import make_app

from songid.jobs.retention import Cleared, clear
from songid.model import Heard

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def test_what_is_older_than_the_settings_keep_is_cleared(tmp_path: Path) -> None:
    kept = {"retention__journal_days": 10, "retention__claims_days": 20}
    with make_app(tmp_path, lambda: NOW, **kept) as app:
        for days in (9, 11):
            app.store.put_heards([Heard("radio", NOW - timedelta(days=days), 12.0)])
        for days in (19, 21):
            then = NOW - timedelta(days=days)
            app.store.claim([f"job:{days}"], "me", 60, then)
            app.store.complete([f"job:{days}"], "me", then)
        assert clear(app) == Cleared(heards=1, claims=1)
        assert clear(app) == Cleared()
        assert app.store.completed(["job:19", "job:21"]) == {"job:19"}


def test_nought_days_keep_for_ever(tmp_path: Path) -> None:
    kept = {"retention__journal_days": 0, "retention__claims_days": 0}
    with make_app(tmp_path, lambda: NOW, **kept) as app:
        app.store.put_heards([Heard("radio", NOW - timedelta(days=9999), 12.0)])
        assert clear(app) == Cleared()
