"""An inbox, reports and events in buckets: the same job as in folders, to the same end."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cloud_material import Cloud, throttled
from small_material import RATE_HZ, composed, make_app, put, song, title

from songid.app import App
from songid.audio.encode import encode
from songid.jobs.inbox import process_inbox

AIRED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SEGMENT_SAMPLES = 12 * RATE_HZ


@pytest.fixture(scope="module")
def inbox() -> dict[str, bytes]:
    """What is dropped into an inbox: two songs, a file, a channel's segments, and junk."""
    samples = np.concatenate([composed(seed)[0] for seed in (1, 3, 2)])
    files = {
        "songs_to_index/one.mp3": song(1),
        "songs_to_index/zwei ü+%.mp3": song(2),
        "songs_to_check/two songs.mp3": song(2),
        "songs_to_check/two songs.wav": b"no audio at all, but a text",
        "songs_to_check/notes.txt": b"not to be read",
    }
    for count in range(len(samples) // SEGMENT_SAMPLES):
        file = io.BytesIO()
        begin = count * SEGMENT_SAMPLES
        encode(samples[begin : begin + SEGMENT_SAMPLES], RATE_HZ, file, format="ts")
        name = f"radio_1_20260301T120000.{count:06}.ts"
        files[f"songs_to_check/streams/{name}"] = file.getvalue()
    return files


def heard_and_reported(app: App) -> tuple[str, list[tuple[str, datetime, datetime]]]:
    """Do what is in an app's inbox; the pass in words, and the plays that it gave."""
    assert app.settings.inbox_url is not None
    with closing(app.open_source(app.settings.inbox_url.text)) as source:
        done = str(process_inbox(app, source))
        assert str(process_inbox(app, source)) == ""
    app.report("radio_1", AIRED.date())
    plays = app.plays("radio_1", AIRED, AIRED + timedelta(hours=1))
    names = app.recordings_by_id([play.recording_id for play in plays])
    return done, [(names[play.recording_id].title, play.start, play.end) for play in plays]


@pytest.fixture
def in_folders(
    inbox: dict[str, bytes], tmp_path: Path
) -> tuple[str, list[tuple[str, datetime, datetime]]]:
    """What the same inbox gives on a disk."""
    place = tmp_path / "local"
    for name, content in inbox.items():
        put(place / "inbox" / name, content)
    with make_app(place, lambda: AIRED + timedelta(hours=1)) as app:
        return heard_and_reported(app)


@pytest.mark.parametrize("trouble", [False, True])
def test_a_bucket_gives_what_a_folder_gives_though_requests_are_refused(
    cloud: Cloud,
    inbox: dict[str, bytes],
    in_folders: tuple[str, list[tuple[str, datetime, datetime]]],
    tmp_path: Path,
    trouble: bool,
) -> None:
    bucket, queue = cloud.bucket(), cloud.queue()
    for name, content in inbox.items():
        cloud.put(bucket, f"in/{name}", content)
    settings: dict[str, Any] = {
        "inbox": f"s3://{bucket}/in",
        "reports": f"s3://{bucket}/reports",
        "sinks": (f"s3://{bucket}/events", f"sqs:{queue}"),
    }
    with ExitStack() as stack:
        if trouble:
            stack.enter_context(throttled(cloud, ["s3", "sqs"]))
        app = stack.enter_context(
            make_app(tmp_path, lambda: AIRED + timedelta(hours=1), **settings)
        )
        assert heard_and_reported(app) == in_folders
    assert [play[0] for play in in_folders[1]] == [title(1), title(2)]
    check_answers(cloud, bucket)
    check_events(cloud, bucket, queue)
    report = json.loads(cloud.content(bucket, "reports/radio_1/2026-03-01.json"))
    assert report["station"] == "radio_1"


def check_answers(cloud: Cloud, bucket: str) -> None:
    """Each file has an answer of its own, and nothing else was written beside them."""
    answers = [key for key in cloud.keys(bucket, "in/") if key.endswith(".json")]
    assert answers == ["in/songs_to_check/two songs.json", "in/songs_to_check/two songs.wav.json"]
    found, refused = (json.loads(cloud.content(bucket, key)) for key in answers)
    assert [play["title"] for play in found["plays"]] == [title(2)]
    assert "text" in refused["error"]


def check_events(cloud: Cloud, bucket: str, queue: str) -> None:
    """Every event is in the bucket and in the queue, once."""
    keys = cloud.keys(bucket, "events/")
    sent = [json.loads(cloud.content(bucket, key)) for key in keys]
    assert sum("/heards/date=2026-03-01/station=radio_1/" in key for key in keys) == 5
    ids = [event["event_id"] for event in sent]
    assert sorted(event["event_id"] for event in cloud.bodies(queue)) == sorted(ids)
    assert len(set(ids)) == len(ids) > 5


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    assert "Traceback" not in caplog.text
