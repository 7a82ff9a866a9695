"""Starts a worker for each station, watches their beats, and starts anew what hangs or dies.

PyAV can hang in a dead stream where no timeout reaches; only a process can be ended then.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from types import FrameType

from songid.segmenter.backoff import Backoff
from songid.segmenter.events import Beat, StreamEvent, What
from songid.segmenter.worker import STOP, StationPlan, work

log = logging.getLogger(__name__)

_HEALTHY_S = 300.0
_END_S = 15.0
_LOOK_S = 1.0
_GRACE_S = 60.0
"""A new process may take so long before its first beat: a busy machine imports slowly."""


@dataclass(slots=True)
class _Watched:
    plan: StationPlan
    backoff: Backoff
    process: BaseProcess | None = None
    connection: Connection | None = None
    started_s: float = 0.0
    beat_s: float = 0.0
    start_at_s: float = 0.0
    more_s: float = 0.0
    has_beaten: bool = False


class Supervisor:
    """Watches over one worker process for each plan."""

    def __init__(
        self,
        plans: Sequence[StationPlan],
        on_event: Callable[[StreamEvent], None],
        *,
        patience_s: float,
        backoff_s: float = 1.0,
    ) -> None:
        self._on_event = on_event
        self._patience_s = patience_s
        self._watched = [_Watched(plan, Backoff(backoff_s, 120.0)) for plan in plans]
        self._context = _context()
        self._signals: list[int] = []
        self._asked = False
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        os.set_blocking(self._reader, False)

    def run(self) -> int:
        """Until SIGINT or SIGTERM; what is at hand is finished first. The exit code.

        A second signal ends at once; the segments at hand are then mended by the next start.
        """
        give_back = self._listen()
        try:
            while not self._asked:
                self._round()
            log.info("stopping; the segments at hand are finished first")
            self._end()
        finally:
            give_back()
            for each in self._watched:
                _kill(each)
            os.close(self._reader)
            os.close(self._writer)
        return 128 + self._signals[-1] if len(self._signals) > 1 else 0

    def processes(self) -> dict[str, int]:
        """The process of each station that has one."""
        return {
            each.plan.station: each.process.pid
            for each in self._watched
            if each.process is not None and each.process.pid is not None
        }

    def _round(self) -> None:
        now_s = time.monotonic()
        for each in self._watched:
            if each.process is None:
                if now_s >= each.start_at_s:
                    self._start(each)
                continue
            patience_s = self._patience_s + each.more_s
            if not each.has_beaten:
                patience_s = max(patience_s, _GRACE_S)
            if now_s - each.beat_s > patience_s:
                _kill(each)
                self._begin_anew(each, f"the reader hung: no sign of life for {patience_s:g} s")
            elif now_s - each.started_s > _HEALTHY_S:
                each.backoff.reset()
        self._wait(_LOOK_S)

    def _wait(self, seconds: float) -> None:
        waiting: dict[object, _Watched] = {}
        for each in self._watched:
            if each.connection is not None:
                waiting[each.connection] = each
        for ready in wait([*waiting, self._reader], seconds):  # type: ignore[list-item]  # objects by design
            if isinstance(ready, int):
                with contextlib.suppress(BlockingIOError):
                    os.read(ready, 64)
            else:
                self._read(waiting[ready])

    def _read(self, each: _Watched) -> None:
        assert each.connection is not None
        try:
            while each.connection.poll():
                message = each.connection.recv()
                each.beat_s, each.has_beaten = time.monotonic(), True
                if isinstance(message, Beat):
                    each.more_s = message.more_s
                else:
                    self._on_event(message)
        except (EOFError, OSError):
            self._gone(each)

    def _gone(self, each: _Watched) -> None:
        """The worker closed its end: it has ended, or is about to."""
        process = each.process
        _kill(each, patience_s=_LOOK_S)
        code = process.exitcode if process is not None else None
        if self._asked and code == 0:
            return
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        self._begin_anew(each, f"the reader died ({how})")

    def _begin_anew(self, each: _Watched, cause: str) -> None:
        if self._asked:
            return
        pause_s = each.backoff.next_s()
        each.start_at_s = time.monotonic() + pause_s
        each.plan = replace(each.plan, cause=cause)
        details = {"cause": cause, "again_s": round(pause_s, 1)}
        self._on_event(StreamEvent(each.plan.station, What.RESTARTED, details))

    def _start(self, each: _Watched) -> None:
        ours, theirs = self._context.Pipe()
        name = f"songid listen {each.plan.station}"
        process = self._context.Process(  # type: ignore[attr-defined]  # every context has it
            target=work, args=(each.plan, theirs), name=name, daemon=True
        )
        process.start()
        theirs.close()
        each.process, each.connection = process, ours
        each.started_s = each.beat_s = time.monotonic()
        each.more_s, each.has_beaten = 0.0, False

    def _end(self) -> None:
        """Ask all workers to finish; those that do not are ended."""
        for each in self._watched:
            if each.connection is not None:
                with contextlib.suppress(OSError):
                    each.connection.send(STOP)
        until_s = time.monotonic() + _END_S
        while any(each.connection for each in self._watched) and time.monotonic() < until_s:
            if len(self._signals) > 1:
                return
            self._wait(_LOOK_S)
        for each in self._watched:
            self._on_event(StreamEvent(each.plan.station, What.ENDED))

    def _listen(self) -> Callable[[], None]:
        both = (signal.SIGINT, signal.SIGTERM)
        handlers = {number: signal.signal(number, self._on_signal) for number in both}
        wakeup = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)

        def give_back() -> None:
            signal.set_wakeup_fd(wakeup)
            for number, handler in handlers.items():
                signal.signal(number, handler)

        return give_back

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals.append(number)
        self._asked = True


def _kill(each: _Watched, *, patience_s: float = 0.0) -> None:
    if each.process is not None:
        each.process.join(patience_s)
        if each.process.is_alive():
            each.process.kill()
            each.process.join()
    if each.connection is not None:
        each.connection.close()
    each.process = each.connection = None


def _context() -> BaseContext:
    """Started from a server that has imported what workers need, which they then share."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["songid.segmenter.worker"])
    return context
