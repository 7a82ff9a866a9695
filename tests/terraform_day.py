"""What a user does with an applied account for a day, and what comes of it."""

from __future__ import annotations

import io
import json
import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import pytest
from small_material import RATE_HZ, aired, composed, song
from stream_material import Mount, packets_of, stream_server
from terraform_account import Account
from terraform_listening import Task, listening, tasks

from songid.audio.encode import encode
from songid.settings import Settings, load

SEGMENT_S = 12
KNOWN = (1, 2, 3)
AIRED = (1, 2, 9, 3, 1)
"""Songs of 20 s one after another; 9 is not in the catalogue."""


def settings_of(account: Account) -> Settings:
    """songid's settings, as the function reads them from its variables."""
    empty = account.configuration.folder / "songid.toml"
    empty.touch()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in account.settings.items():
            patch.setenv(name, value)
        return load(empty)


@dataclass
class Day:
    """What was put into the account, and what came of it."""

    account: Account
    answers: dict[str, Any] = field(default_factory=dict)  # of the schedules
    results: list[dict[str, Any]] = field(default_factory=list)
    letters: list[dict[str, Any]] = field(default_factory=list)

    @cached_property
    def settings(self) -> Settings:
        """songid's settings, read from the function's variables."""
        return settings_of(self.account)

    @property
    def station(self) -> str:
        """The station that is on the air: one that Terraform knows, if it knows any."""
        return max(self.settings.stations, default="workshop_radio")

    @cached_property
    def began(self) -> datetime:
        """When its broadcast began: at noon of its own yesterday, as it was at the beginning."""
        known = self.settings.stations.get(self.station)
        today = datetime.now(known.zone if known else UTC)
        noon = today.replace(hour=12, minute=0, second=0, microsecond=0)
        return (noon - timedelta(days=1)).astimezone(UTC)

    asked = "songs_to_check/what is + this?.mp3"
    answered = "songs_to_check/what is + this?.json"
    namesake = "songs_to_check/what is + this?.ts"

    @property
    def poison(self) -> str:
        """The key of a segment that is none."""
        return f"songs_to_check/streams/{self.station}_{self.began:%Y%m%d}T030000.000000.ts"

    def segments(self) -> dict[str, bytes]:
        """The broadcast as an encoder leaves it in the bucket."""
        whole = np.concatenate([composed(seed)[0] for seed in AIRED])
        size = SEGMENT_S * RATE_HZ
        found = {}
        for counter, first in enumerate(range(0, len(whole), size)):
            file = io.BytesIO()
            encode(whole[first : first + size], RATE_HZ, file, format="ts", bitrate=96_000)
            name = f"{self.station}_{self.began:%Y%m%dT%H%M%S}.{counter:06}.ts"
            found[f"songs_to_check/streams/{name}"] = file.getvalue()
        return found


def spend_day(account: Account) -> Day:
    """A day of use: songs, a file, a station with a poisoned segment, and every schedule."""
    day = Day(account)
    for seed in KNOWN:
        account.put(f"songs_to_index/album {seed}/{seed}.mp3", song(seed))
    account.work_off()
    account.put(day.asked, song(2))
    account.work_off()
    account.put(day.namesake, aired(3))
    segments = list(day.segments().items())
    for key, content in random.Random(5).sample(segments, len(segments)):
        account.put(key, content)
    account.put(day.poison, b"\0" * 4000)
    account.work_off()
    # In their order of time: what a day's report shows must have been told of before.
    schedules = account.schedules()
    for name in ("announce", *schedules):
        outcome = account.ask(schedules[name])
        assert outcome.error is None, (name, outcome.error, account.functions.output(name))
        day.answers[name] = outcome.answer
    account.work_off()
    day.results = account.received(account.results)
    day.letters = account.received(account.dead_letters)
    return day


@dataclass
class Live:
    """What the listeners' containers did, and what was told of what they heard."""

    tasks: list[Task]
    results: list[dict[str, Any]] = field(default_factory=list)


def go_live(account: Account) -> Live:
    """A minute on the air of all stations that the example has streams of."""
    endpoint, folder = account.configuration.endpoint, account.configuration.folder
    if not tasks(account.client):
        return Live([])
    with stream_server() as server:
        samples = np.concatenate([composed(seed)[0] for seed in KNOWN * 6])
        # On air for a while: a good minute of it comes as soon as one connects.
        server.mounts["/live"] = Mount(
            packets_of(samples, "mp3"), burst_s=62.0, air_s=time.time() - 70.0
        )
        before = account.objects("songs_to_check/streams/")
        with listening(
            account.client, endpoint, folder, lambda name: server.url("/live")
        ) as running:
            waiting = {station for task in running for station in task.stations}
            deadline = time.monotonic() + 60
            while waiting:
                new = set(account.objects("songs_to_check/streams/")) - set(before)
                waiting -= {name for name in waiting if any(f"/{name}_2" in key for key in new)}
                assert time.monotonic() < deadline, f"no segments of {waiting}"
                time.sleep(0.2)
    account.work_off()
    return Live(running, [json.loads(each["Body"]) for each in account.received(account.results)])
