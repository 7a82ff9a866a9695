"""A function over one app: an event comes in, what is in it is done, what failed goes back.

It is made once for a process and used for every invocation; between two of them it holds
no claim and runs no thread.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from songid.app import App
from songid.errors import NotificationError, SettingsError, SongidError, StoreError
from songid.function.chores import CHORE, do_chore
from songid.function.errands import MOST_TRIES, Errand, do_errands
from songid.function.logs import facts
from songid.function.messages import Message, is_notice, messages_in, notices_in
from songid.function.metrics import Invocation, metric_lines
from songid.function.refusals import Letters
from songid.interfaces import NotifiedSource
from songid.jobs.outcomes import JobOutcome, JobResult, job_key
from songid.settings import Settings

log = logging.getLogger(__name__)

_EVENTS = (
    "a batch of a queue's messages, a notification of a new object, a songid.continue/1,"
    ' or a schedule\'s {"songid": "..."}'
)


class UndoneError(SongidError):
    """What an event that came by itself asked for was not done; it is to come again."""


@dataclass(frozen=True, slots=True)
class Request:
    """One invocation: its id, the function's name, and how many seconds it still has."""

    request_id: str = ""
    function: str = "songid"
    remaining_s: Callable[[], float] = lambda: float("inf")


class Function:
    """Takes events, one at a time; `fails_in_a_row` counts those at which the store failed."""

    def __init__(
        self, settings: Settings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.app = App(settings, clock)
        self.fails_in_a_row = 0
        self._letters = Letters(self.app)
        self._cache = (0, 0)

    def close(self) -> None:
        """Close what was opened."""
        if "_source" in self.__dict__:
            self._source.close()
        self._letters.close()
        self.app.close()

    def open(self) -> None:
        """Open what most invocations need, for that is cheapest before the first of them."""
        letters = (self._letters.dead, self._letters.again)
        log.debug("opened %s", letters)
        try:
            log.debug("opened %s", (self.app.listener, self.app.announcer))
        except StoreError as error:  # one that has no tables yet; asked again at each event
            log.warning("the store cannot be used yet: %s", error)
        try:
            log.debug("told of new audio by %s", self._source)
        except SongidError as error:  # one that only does chores needs none
            log.warning("it cannot take notifications: %s", error)

    @cached_property
    def _source(self) -> NotifiedSource:
        url = self.app.settings.inbox_url
        if url is None:
            raise SettingsError("name the source that the notifications are of as `inbox`")
        source = self.app.open_source(url.text)
        if not isinstance(source, NotifiedSource):
            source.close()
            raise SettingsError(
                f"inbox: {url} cannot be notified of new audio, only listed; a function needs"
                " a source that can, such as s3://bucket"
            )
        return source

    # -- an invocation ----------------------------------------------------------------

    def handle(self, event: Any, request: Request) -> dict[str, Any]:
        """Do what an event asks for.

        For a queue's batch the answer names the messages that failed, and nothing else;
        anything else raises if it was not done. NotificationError if the event is of no
        known form.
        """
        began = time.monotonic()
        settings = self.app.settings
        invocation = Invocation(settings.stations, settings.listening.threshold)
        stop = self._deadline(request)
        try:
            if isinstance(event, Mapping) and CHORE in event:
                done = do_chore(self.app, event, stop)
                self.fails_in_a_row = 0
                return done
            messages = messages_in(event) if isinstance(event, Mapping) else None
            if messages is None:
                return self._alone(event, invocation, stop)
            failed = self._do(messages, invocation, stop)
            return {
                "batchItemFailures": [
                    {"itemIdentifier": each.message_id}
                    for each in messages
                    if each.message_id in failed
                ]
            }
        finally:
            self._tell_metrics(invocation, request, 1000 * (time.monotonic() - began))

    def _alone(
        self, event: Any, invocation: Invocation, stop: Callable[[], bool]
    ) -> dict[str, Any]:
        if not isinstance(event, Mapping) or not is_notice(event):
            raise NotificationError(f"this event is of no known form; give {_EVENTS}")
        failed = self._do([Message("", event)], invocation, stop)
        if failed:
            raise UndoneError(failed[""])
        return {}

    def _deadline(self, request: Request) -> Callable[[], bool]:
        # Where a function has little time in all, half of it is spare.
        spare_s = min(self.app.settings.function.spare_s, request.remaining_s() / 2)
        return lambda: request.remaining_s() <= spare_s

    def _do(
        self, messages: Sequence[Message], invocation: Invocation, stop: Callable[[], bool]
    ) -> dict[str, str]:
        """Do what messages ask for; returns those that failed, with why."""
        failed: dict[str, str] = {}
        errands: dict[str, Errand] = {}
        for message in messages:
            if reason := self._read(message, errands, stop, invocation):
                failed[message.message_id] = reason
        try:
            if errands:
                self._do_errands(errands, invocation, stop)
            elsewhere = [
                key
                for key, errand in errands.items()
                if errand.result and errand.result.outcome is JobOutcome.ELSEWHERE
            ]
            completed = self.app.store.completed(elsewhere) if elsewhere else set()
            self.fails_in_a_row = 0
        except StoreError as error:
            log.error("the store failed: %s; what is not done comes again", error)
            self.fails_in_a_row += 1
            completed = set()
        for key, errand in errands.items():
            if reason := self._why_undone(errand, done_elsewhere=key in completed):
                failed |= dict.fromkeys(errand.message_ids, reason)
        invocation.total.failed = len(failed)
        for message_id, reason in failed.items():
            log.warning(
                "a message failed: %s", reason, extra=facts(message_id=message_id, reason=reason)
            )
        return failed

    def _do_errands(
        self, errands: Mapping[str, Errand], invocation: Invocation, stop: Callable[[], bool]
    ) -> None:
        results = do_errands(
            self.app,
            self._source,
            errands,
            stop=stop,
            refused=lambda result: self._letters.refuse(result, errands[job_key(result.item)].told),
        )
        with closing(results):  # whatever happens: nothing is to run on, and no claim be held
            for result in results:
                errands[job_key(result.item)].result = result
                invocation.add(result, self.app.clock())

    def _why_undone(self, errand: Errand, *, done_elsewhere: bool) -> str:
        """Why an errand's messages must come again; empty if they need not."""
        result = errand.result
        if result is None:
            return f"{errand.item.name}: it was not its turn before the time was up, or the end"
        if result.outcome in (JobOutcome.DONE, JobOutcome.REFUSED):
            return ""
        if result.outcome is JobOutcome.ELSEWHERE:
            # If whoever has it in hand dies, there must be a message left.
            return "" if done_elsewhere else f"{errand.item.name}: another has it in hand"
        if self._continued(errand, result):
            return ""
        return f"{errand.item.name}: {result.note}"

    def _continued(self, errand: Errand, result: JobResult) -> bool:
        """Whether another run was asked for, which takes the place of the message."""
        pause = result.pause
        # One that comes no further fails, and so is counted by its queue.
        if pause is None or pause.windows <= max(pause.since, errand.windows or 0):
            return False
        return self._letters.ask_again(errand.item, errand.told, pause.windows)

    # -- messages ---------------------------------------------------------------------

    def _read(
        self,
        message: Message,
        errands: dict[str, Errand],
        stop: Callable[[], bool],
        invocation: Invocation,
    ) -> str:
        """Add what a message asks for to `errands`; returns why it failed, empty if not."""
        try:
            if isinstance(message.body, Mapping) and CHORE in message.body:
                do_chore(self.app, message.body, stop)
                return ""
            for notice in notices_in(message.body):
                item = self._source.notified(notice.told)
                if item is None:
                    continue
                key = job_key(item)
                errand = errands.setdefault(key, Errand(item, notice.told))
                errand.message_ids.add(message.message_id)
                errand.tries = max(errand.tries, message.tries)
                if notice.windows is not None:
                    errand.windows = max(errand.windows or 0, notice.windows)
        except NotificationError as error:
            return self._refuse_message(message, str(error), invocation)
        except SettingsError:
            raise
        except (SongidError, OSError) as error:
            return str(error)
        except Exception as error:
            log.exception("songid failed on a message; please report this")
            reason = f"songid failed on it: {type(error).__name__}: {error}"
            if message.tries >= MOST_TRIES:
                return self._refuse_message(message, reason, invocation)
            return reason
        return ""

    def _refuse_message(self, message: Message, reason: str, invocation: Invocation) -> str:
        if not self._letters.refuse_message(message.body, message.message_id, reason):
            return reason
        invocation.total.refused += 1
        return ""

    # -- metrics ----------------------------------------------------------------------

    def _tell_metrics(self, invocation: Invocation, request: Request, handler_ms: float) -> None:
        hits, misses = self._cache
        if "catalogue" in self.app.__dict__:
            cache = self.app.catalogue.cache
            self._cache = (cache.hits, cache.misses)
        for line in metric_lines(
            invocation,
            function=request.function,
            request_id=request.request_id,
            handler_ms=handler_ms,
            cache_hits=self._cache[0] - hits,
            cache_misses=self._cache[1] - misses,
            now=self.app.clock(),
        ):
            sys.stdout.write(line + "\n")
        sys.stdout.flush()
