"""The composition root: settings and plugins become a catalogue, a listener and reports.

Edges (the CLI, the scheduler, a function) make one `App` and call it; nothing below this
module knows which plugins there are.
"""

from __future__ import annotations

import functools
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, cast

import songid
from songid import plugin_manager
from songid.audio.decode import Decoding, decode
from songid.catalogue import indexing
from songid.catalogue.catalogue import Catalogue
from songid.catalogue.indexing import Indexed, Outcome
from songid.catalogue.reading import Work
from songid.explaining import files as explaining
from songid.explaining.explanation import Explanation
from songid.interfaces import Fingerprinter, Folder, ReportFormat, Sink, Source, Store
from songid.listening import calibrate
from songid.listening.announcements import Announced, Announcer
from songid.listening.hear import Listener
from songid.listening.identify import Identified, identified, identify
from songid.listening.plays import plays
from songid.listening.rules import ListenRules, PlayRules
from songid.model import Event, EventKind, Heard, Play, Recording
from songid.reporting.changes import days_touched, mark_changed
from songid.reporting.clock import day_bounds
from songid.reporting.day import build_day
from songid.reporting.render import write_index, write_report
from songid.settings import Settings
from songid.sink_urls import sink_urls

_HOOKS = "plugins"
_HEARDS_AT_ONCE = 64
_KNOWN_RECORDINGS = 20_000
# A play is built from all its heards: as much is read beyond a day's borders.
_AROUND_A_DAY = timedelta(hours=6)


class App:
    """Everything songid does, over one store. Use as a context manager, or close it."""

    def __init__(
        self, settings: Settings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.plugins = plugin_manager.load(settings.plugins)
        self._known: dict[str, Recording] = {}
        self._known_at = -1

    def __enter__(self) -> App:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close what was opened: sinks flushed, the store released."""
        opened = self.__dict__
        for sink in opened.get("sinks", {}).values():
            sink.close()
        if "reports_folder" in opened:
            self.reports_folder.close()
        if "store" in opened:
            self.store.close()

    # -- parts ------------------------------------------------------------------------

    @cached_property
    def store(self) -> Store:
        """The store the settings name."""
        return cast(Store, self.plugins.open("stores", self.settings.store))

    @cached_property
    def fingerprinter(self) -> Fingerprinter:
        """The fingerprinter the settings name."""
        return self.open_fingerprinter()

    @property
    def open_fingerprinter(self) -> Callable[[], Fingerprinter]:
        """A picklable way to open the fingerprinter in another process."""
        return functools.partial(
            _open_fingerprinter, self.settings.fingerprinter, self.settings.plugins
        )

    @cached_property
    def catalogue(self) -> Catalogue:
        """The catalogue; FingerprinterMismatchError if another fingerprinter wrote it."""
        return Catalogue(
            self.store,
            self.fingerprinter,
            cache_bytes=self.settings.cache_bytes,
            refresh_s=self.settings.refresh_s,
            clock=self.clock,
        )

    @cached_property
    def listen_rules(self) -> ListenRules:
        """The settings' rules for heards."""
        listening = self.settings.listening
        return ListenRules(
            window_s=listening.window_s,
            widest_speed=listening.widest_speed,
            widest_tempo=listening.widest_tempo,
            widest_pitch=listening.widest_pitch,
        )

    @cached_property
    def play_rules(self) -> PlayRules:
        """The settings' rules for plays."""
        listening = self.settings.listening
        return PlayRules(accept=listening.threshold, bridge_s=listening.bridge_s)

    @cached_property
    def listener(self) -> Listener:
        """Hears audio against the catalogue."""
        return Listener(self.catalogue, self.listen_rules)

    @cached_property
    def sinks(self) -> dict[str, Sink]:
        """The sinks the settings name, by the names of `songid.sink_urls`."""
        return {
            url.name: cast(Sink, self.plugins.open("sinks", url.text))
            for url in sink_urls(self.settings.sinks)
        }

    @cached_property
    def report_formats(self) -> dict[str, ReportFormat]:
        """The report formats the settings name."""
        return {
            url: cast(ReportFormat, self.plugins.open("report_formats", url))
            for url in self.settings.report_formats
        }

    @cached_property
    def reports_folder(self) -> Folder:
        """The folder the settings want reports in."""
        return cast(Folder, self.plugins.open("folders", self.settings.reports_url.text))

    @cached_property
    def announcer(self) -> Announcer:
        """Sends events to the sinks and to the plugins that observe."""
        sinks: dict[str, Sink] = dict(self.sinks)
        if any(map(self.plugins.observes, _Hooks.NAMES.values())):
            sinks[_HOOKS] = _Hooks(self.plugins)
        only = {url.name: url.only for url in sink_urls(self.settings.sinks) if url.only}
        return Announcer(
            self.store,
            sinks,
            self.play_rules,
            self.recordings_by_id,
            self.clock,
            only={**only, _HOOKS: frozenset(_Hooks.NAMES)},
            lease_s=self.settings.scheduler.lease_s,
        )

    def open_source(self, url: str) -> Source:
        """Open a source by its URL."""
        return cast(Source, self.plugins.open("sources", url))

    # -- the catalogue ----------------------------------------------------------------

    def index(
        self,
        work: Sequence[Work],
        *,
        workers: int = 0,
        on_read: Callable[[str], None] = lambda source: None,
    ) -> Iterator[Indexed]:
        """Add files to the catalogue; see `songid.catalogue.indexing.index`.

        `workers`: 0 means what the settings say.
        """
        for indexed in indexing.index(
            self.catalogue,
            work,
            self.open_fingerprinter,
            workers=workers or self.settings.index.workers,
            batch_recordings=self.settings.index.batch_recordings,
            on_read=on_read,
        ):
            if indexed.outcome in (Outcome.ADDED, Outcome.REPLACED):
                self.plugins.notify("songid_recording_indexed", recording=indexed.recording)
            yield indexed

    # -- questions --------------------------------------------------------------------

    def open_audio(self, source: str | Path | BinaryIO, name: str = "") -> Decoding:
        """Open audio as it is heard here; AudioError if there is none in it."""
        return decode(source, rate_hz=self.listener.rate_hz, name=name)

    def recordings_by_id(self, ids: Sequence[str]) -> dict[str, Recording]:
        """Recordings by id, removed ones included; as they were `refresh_s` ago at worst."""
        version = self.catalogue.snapshot().version
        if version != self._known_at or len(self._known) > _KNOWN_RECORDINGS:
            self._known, self._known_at = {}, version
        if missing := [each for each in ids if each not in self._known]:
            self._known.update((each.recording_id, each) for each in self.store.recordings(missing))
        return {each: self._known[each] for each in ids if each in self._known}

    def identify(
        self,
        source: str | Path | BinaryIO,
        *,
        name: str = "",
        progress: Callable[[float], None] = lambda heard_s: None,
    ) -> Identified:
        """What is in a file or stream; AudioError if it holds no audio."""
        with self.open_audio(source, name) as audio:
            return self.identify_audio(audio, source=name or str(source), progress=progress)

    def identify_audio(
        self,
        audio: Decoding,
        *,
        source: str,
        progress: Callable[[float], None] = lambda heard_s: None,
    ) -> Identified:
        """What is in audio that was opened with `open_audio`."""
        return identify(
            self.listener,
            audio,
            self.play_rules,
            self.recordings_by_id,
            source=source,
            progress=progress,
        )

    def identified(self, heards: Sequence[Heard], audio: Decoding, *, source: str) -> Identified:
        """What heards of all of `audio`, heard in parts, say is in it."""
        return identified(heards, audio, self.play_rules, self.recordings_by_id, source=source)

    def explain(
        self,
        audio: Decoding,
        *,
        recording_id: str = "",
        at_s: float | None = None,
        progress: Callable[[float], None] = lambda heard_s: None,
    ) -> Explanation:
        """Why a window of audio was or was not matched; see `songid.explaining.files`."""
        return explaining.explain(
            self.listener,
            self.catalogue,
            audio,
            self.play_rules,
            self.recordings_by_id,
            recording_id=recording_id,
            at_s=at_s,
            progress=progress,
        )

    def plays(self, station: str, start: datetime, end: datetime) -> list[Play]:
        """A station's plays that touch [start, end)."""
        journal = self.store.heards(station, start - _AROUND_A_DAY, end + _AROUND_A_DAY)
        found = self._plays(journal)
        return [play for play in found if play.end > start and play.start < end]

    def _plays(self, journal: Sequence[Heard]) -> list[Play]:
        ids = sorted({match.recording_id for heard in journal for match in heard.matches})
        known = self.recordings_by_id(ids)
        durations_s = {key: recording.duration_s for key, recording in known.items()}
        return plays(journal, self.play_rules, durations_s=durations_s)

    # -- listening --------------------------------------------------------------------

    def hear(self, audio: Decoding, station: str, start: datetime, source: str) -> list[Heard]:
        """Hear a piece of a station's audio and write it to the journal, in batches."""
        heards: list[Heard] = []
        waiting: list[Heard] = []
        for heard in self.listener.listen(audio, station=station, start=start, source=source):
            waiting.append(heard)
            if len(waiting) >= _HEARDS_AT_ONCE:
                self.journal(waiting)
                heards += waiting
                waiting = []
        self.journal(waiting)
        return heards + waiting

    def journal(self, heards: Sequence[Heard]) -> None:
        """Write heards of one station to the journal, and mark the days they change."""
        if not heards:
            return
        station = heards[0].station
        self.store.put_heards(heards)
        zone = self.settings.station(station).zone
        mark_changed(self.store, station, days_touched(heards, zone))
        for heard in heards:
            self.plugins.notify("songid_heard", heard=heard)

    def announce(self, heards: Sequence[Heard], *, ended_by: datetime | None = None) -> Announced:
        """Announce what these heards of one station, and the plays around them, tell."""
        if not heards:
            return Announced()
        start = min(heard.start for heard in heards)
        end = max(heard.start for heard in heards) + timedelta(microseconds=1)
        return self.announcer.announce(heards[0].station, start, end, ended_by=ended_by)

    # -- reports ----------------------------------------------------------------------

    def report(self, station: str, day: date) -> list[str]:
        """Render a station's day in all formats; returns the files' paths or URIs."""
        about = self.settings.station(station)
        start, end = day_bounds(day, about.zone)
        journal = self.store.heards(station, start - _AROUND_A_DAY, end + _AROUND_A_DAY)
        found = self._plays(journal)
        ids = {play.recording_id for play in found}
        ids.update(other for play in found for other in play.alternatives)
        report = build_day(
            station,
            day,
            about.zone,
            journal,
            found,
            self.recordings_by_id(sorted(ids)),
            calibration=calibrate.kept(self.store),
            catalogue_size=int(self.catalogue.snapshot().live.sum()),
            versions=self.versions(),
            now=self.clock(),
            title=about.title,
        )
        files = write_report(report, self.report_formats, self.reports_folder)
        self.plugins.notify(
            "songid_report_rendered", station=station, date=day.isoformat(), files=files
        )
        return files

    def report_index(self) -> list[str]:
        """Render the page that links all days and stations; returns its paths or URIs."""
        return write_index(self.reports_folder, self.report_formats, self.clock())

    def versions(self) -> dict[str, str]:
        """What made a report: versions of songid, its fingerprinter, Python."""
        return {
            "songid": songid.__version__,
            "fingerprinter": self.fingerprinter.identity,
            "Python": platform.python_version(),
        }


class _Hooks:
    """The plugins' event hooks as one more sink, so that they too are told once in effect."""

    NAMES: Mapping[EventKind, str] = {
        EventKind.PLAY_STARTED: "songid_play_started",
        EventKind.PLAY_ENDED: "songid_play_ended",
    }

    def __init__(self, plugins: plugin_manager.Plugins) -> None:
        self._plugins = plugins

    def send(self, event: Event) -> None:
        if event.kind in self.NAMES:
            self._plugins.notify(self.NAMES[event.kind], event=event)

    def close(self) -> None:
        """Nothing is held."""


def _open_fingerprinter(url: str, extra: Sequence[str]) -> Fingerprinter:
    return cast(Fingerprinter, plugin_manager.load(extra).open("fingerprinters", url))
