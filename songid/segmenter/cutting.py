"""Cuts placed packets into segments on the clock's grid, each packet into exactly one.

Segments begin at multiples of their length since 1970; only the first after a gap begins
in between, at a whole second, because names tell whole seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Protocol

from songid.segmenter.notes import Gap, Title, time_name
from songid.segmenter.placing import Placed
from songid.segmenter.reading import Received
from songid.segmenter.segment_file import SegmentFile, Template
from songid.segmenter.spool import Past, Spool

_SEAMLESS_S = 0.1
_LEAST_GAP_S = 0.5
# What is shorter than this nobody can hear anything in (and songid refuses it).
_LEAST_SEGMENT_S = 0.5
_MOST_CAUSES = 5


@dataclass(frozen=True, slots=True)
class Segment:
    """A finished segment; `start_s` in seconds since 1970."""

    name: str
    start_s: float
    duration_s: float


class Told(Protocol):
    """Who is told of what a station gave."""

    def __call__(self, what: Segment | Gap | Title) -> None:
        """Something came to be."""
        ...


@dataclass(slots=True)
class _Open:
    name: str
    file: SegmentFile
    template: Template
    start_s: float
    until_s: float


@dataclass(slots=True)
class Cutter:
    """Writes a station's segments into its spool; survives any number of connections."""

    station: str
    spool: Spool
    segment_s: int
    tell: Told
    past: Past
    _open: _Open | None = None
    _causes: list[str] = field(default_factory=list)
    _title: str = ""

    def __post_init__(self) -> None:
        if self.past.cause:
            self._causes = [self.past.cause]

    def add(self, placed: Placed[Received]) -> None:
        """Add the next packet."""
        start_s, half_s = placed.start_s, placed.duration_s / 2
        received = placed.item
        hole_s = start_s - self.past.until_s
        for why in (placed.broken, received.broken):
            if why and abs(hole_s) > _SEAMLESS_S:
                self.interrupt(why)
        if self._open is not None and start_s >= self._open.until_s - half_s:
            begin_s = self._open.until_s
            self._close()
            # Not more than a packet may be missing here, or it is no seam but a hole.
            if start_s < begin_s + half_s + _SEAMLESS_S:
                self._begin(begin_s, received)
        elif self._open is not None and not self._open.template.fits(received.template):
            self._close()
        if self._open is None:
            begin_s = math.ceil(start_s - half_s)
            if begin_s >= start_s + half_s or begin_s < self.past.until_s - half_s:
                return  # no name tells where it begins, or this time was recorded before
            self._begin(begin_s, received)
        assert self._open is not None
        self._note_title(received.title, start_s)
        self._open.file.add(received.data, received.position, received.duration)
        self.past = Past(start_s + placed.duration_s)

    def interrupt(self, cause: str) -> None:
        """What comes next does not follow on: end the segment at hand, and remember why."""
        self._close()
        if cause not in self._causes and len(self._causes) < _MOST_CAUSES:
            self._causes.append(cause)
        self._remember()

    def set_clock(self, step_s: float) -> None:
        """The clock was set: back by more than a segment, times come again."""
        self._close()
        if step_s < -self.segment_s:
            self.past = Past(self.past.until_s + step_s)

    def stop(self, cause: str) -> None:
        """End the segment at hand; `cause` is why there will be a gap, if there is."""
        self._causes = self._causes or [cause]
        self._close()
        self._remember()

    def _begin(self, begin_s: float, received: Received) -> None:
        missing_s = begin_s - self.past.until_s
        if _LEAST_GAP_S < missing_s < float("inf"):
            cause = "; ".join(self._causes) or "not known"
            self.tell(Gap(self.station, self.past.until_s, begin_s, cause))
        self._causes = []
        template = received.template
        name = time_name(self.station, begin_s) + template.format.suffix
        tags = {"title": received.title} if received.title else {}
        file = SegmentFile(self.spool.unfinished(name), template, tags)
        until_s = (begin_s // self.segment_s + 1) * self.segment_s
        self._open = _Open(name, file, template, begin_s, until_s)

    def _close(self) -> None:
        if self._open is None:
            return
        done, self._open = self._open, None
        done.file.finish()
        if done.file.duration_s < _LEAST_SEGMENT_S:
            self.spool.unfinished(done.name).unlink()
            self.past = Past(done.start_s)
            return
        self.spool.finish(done.name)
        self._remember()
        self.tell(Segment(done.name, done.start_s, done.file.duration_s))

    def _remember(self) -> None:
        self.spool.remember(Past(self.past.until_s, "; ".join(self._causes)))

    def _note_title(self, title: str | None, at_s: float) -> None:
        if title is None or title == self._title:
            return
        self._title = title
        self.tell(Title(self.station, at_s, title))
