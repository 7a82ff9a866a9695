from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from stream_material import packets

from songid.errors import SettingsError
from songid.schemas import load_schema
from songid.segmenter.spool import Past, Spool

NAME = "one_20240131T081500Z"
AT_S = 1706688900.0


def mp3(seconds: float) -> bytes:
    return b"".join(data for data, _ in packets("mp3", seconds))


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path, "one", most_bytes=100_000)


def put(spool: Spool, name: str, content: bytes) -> None:
    spool.unfinished(name).write_bytes(content)
    spool.finish(name)


def test_only_what_is_finished_is_to_be_taken_oldest_first(spool: Spool) -> None:
    spool.unfinished("one_3.ts").write_bytes(b"x")
    spool.remember(Past(1.0, "x"))
    put(spool, "one_2.ts", b"x")
    spool.put("one_1.gap.json", b"{}")
    assert [path.name for path in spool.ready()] == ["one_1.gap.json", "one_2.ts"]
    spool.take(spool.ready()[0])
    spool.take(Path("gone"))
    assert [path.name for path in spool.ready()] == ["one_2.ts"]


def test_two_processes_do_not_share_a_spool(spool: Spool, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="another `songid listen` has this spool"):
        Spool(tmp_path, "one", most_bytes=1)
    Spool(tmp_path / "other", "two", most_bytes=1)


def test_what_was_unfinished_when_all_died_is_made_whole(spool: Spool) -> None:
    spool.remember(Past(AT_S - 12, "the stream ended"))
    spool.unfinished(f"{NAME}.ts").write_bytes(mp3(5.0))
    spool.unfinished("one_20240131T081512Z.ts").write_bytes(b"")
    spool.unfinished("one_20240131T081512Z.title.json").write_bytes(b"{")
    assert spool.recall() == Past(pytest.approx(AT_S + 5, abs=0.1), "")
    assert [path.name for path in spool.ready()] == [f"{NAME}.ts"]


def test_a_spool_that_was_never_used_or_whose_note_is_broken_knows_of_no_past(
    spool: Spool, tmp_path: Path
) -> None:
    assert spool.recall() == Past()
    (tmp_path / "state").write_text("{")
    assert spool.recall() == Past()


def test_when_too_much_waits_the_oldest_is_dropped_and_the_gap_noted(spool: Spool) -> None:
    content = mp3(6.0)
    count = 100_000 // len(content) + 2
    for number in range(count):
        put(spool, f"one_20240131T0815{number * 6:02}Z.ts", content)
    names = [path.name for path in spool.ready()]
    gaps = [name for name in names if name.endswith(".gap.json")]
    assert len(gaps) == spool.dropped > 0
    assert names[0] == f"{NAME}.gap.json" and f"{NAME}.ts" not in names
    assert f"one_20240131T0815{(count - 1) * 6:02}Z.ts" in names
    document = json.loads(spool.ready()[0].read_bytes())
    jsonschema.validate(document, load_schema("gap"))
    assert document["start_utc"] == "2024-01-31T08:15:00.000Z"
    assert document["duration_s"] == pytest.approx(6.0, abs=0.1)
    assert "spool was full" in document["cause"]
