from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from songid.interfaces import Store
from songid.jobs import checkpoints
from songid.jobs.checkpoints import Checkpoint
from songid.listening.parts import Part
from songid.model import Heard, Match, SoundKind, SoundSpan, Warp

KEY = "job:s3://bucket/a long file é.mp3@version:1"
START = datetime(1970, 1, 1, tzinfo=UTC)


def heard(number: int, matches: int = 2) -> Heard:
    return Heard(
        "",
        START + timedelta(seconds=12 * number),
        12.0,
        tuple(
            Match(f"{number:05}{each:05}" * 2, 1.5, 0.1, 11.9, 99, 4.25, 0.75, each, Warp(1.01))
            for each in range(matches)
        ),
        (SoundSpan(0.0, 12.0, SoundKind.MUSIC),),
        "a \N{SNOWMAN}",
    )


def parts(first: int, number: int, matches: int = 2) -> list[Part]:
    return [
        Part(16 * (n + 1), tuple(heard(16 * n + each, matches) for each in range(16)))
        for n in range(first, first + number)
    ]


def heards(some: list[Part]) -> tuple[Heard, ...]:
    return tuple(heard for part in some for heard in part.heards)


def test_what_is_kept_comes_back_as_it_was(store: Store) -> None:
    assert checkpoints.load(store, KEY, "t") == Checkpoint()
    first = checkpoints.keep(store, KEY, "t", Checkpoint(), parts(0, 2))
    second = checkpoints.keep(store, KEY, "t", first, parts(2, 3))
    assert second == Checkpoint(80, heards(parts(0, 5)), 2)
    assert checkpoints.load(store, KEY, "t") == second
    assert checkpoints.keep(store, KEY, "t", second, []) == second


def test_each_fact_is_small_enough_for_any_store(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    put = store.put_meta

    def put_meta(key: str, value: str) -> None:
        sizes.append(len(value.encode()))
        put(key, value)

    monkeypatch.setattr(store, "put_meta", put_meta)
    some = parts(0, 450, 8)  # a day, every window with as many matches as there can be
    kept = checkpoints.keep(store, KEY, "t", Checkpoint(), some)
    assert len(sizes) > 1 and max(sizes) <= 250_000
    assert checkpoints.load(store, KEY, "t") == kept == Checkpoint(7200, heards(some), len(sizes))


def test_what_was_heard_on_other_terms_is_forgotten(store: Store) -> None:
    kept = checkpoints.keep(store, KEY, "old", Checkpoint(), parts(0, 1))
    checkpoints.keep(store, KEY, "old", kept, parts(1, 1))
    assert checkpoints.load(store, KEY, "new") == Checkpoint()
    assert checkpoints.load(store, KEY, "old") == Checkpoint()


def test_what_a_killed_run_left_behind_is_told_from_what_belongs_together(store: Store) -> None:
    kept = checkpoints.keep(store, KEY, "t", Checkpoint(), parts(0, 4))
    checkpoints.keep(store, KEY, "t", kept, parts(4, 1))
    checkpoints.keep(store, KEY, "t", Checkpoint(), parts(0, 2))  # begun anew, then killed
    assert checkpoints.load(store, KEY, "t") == Checkpoint(32, heards(parts(0, 2)), 1)
    checkpoints.forget(store, KEY)
    assert checkpoints.load(store, KEY, "t") == Checkpoint()
