"""Clearing what the retention settings give up: old heards, and claims of jobs long done."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta

from songid.app import App

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Cleared:
    """How much was cleared."""

    heards: int = 0
    claims: int = 0


def clear(app: App) -> Cleared:
    """Clear what is older than the settings keep. StoreError if the store fails."""
    store, retention, now = app.store, app.settings.retention, app.clock()
    heards = claims = 0
    if retention.journal_days:
        heards = store.drop_heards(now - timedelta(days=retention.journal_days))
    if retention.claims_kept_days:
        claims = store.drop_claims(now - timedelta(days=retention.claims_kept_days))
    if heards or claims:
        log.info("cleared %d heards and %d claims", heards, claims)
    return Cleared(heards, claims)
