"""songid.toml, `SONGID_*` variables and the command line, read into one frozen tree.

Every key is declared here once, with its default, its bounds and the sentence that the
documentation shows for it; `songid.settings_sources` says where values come from.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from songid.errors import SettingsError
from songid.model import ComponentURL
from songid.settings_sources import ENV_PREFIX, find_toml, layers, merged, sentences
from songid.stations import zone_named

LogLevel = Annotated[
    Literal["debug", "info", "warning", "error"],
    BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value),
]


def _known_zone(name: str) -> str:
    try:
        zone_named(name)
    except SettingsError as error:
        raise ValueError(str(error)) from None  # so that it is reported with its key
    return name


TimeZoneName = Annotated[str, AfterValidator(_known_zone)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StationSettings(_Section):
    """One station. Its name is the one its segments' names begin with."""

    timezone: Annotated[str, AfterValidator(lambda name: name and _known_zone(name))] = Field(
        default="", description="IANA time zone the station's days are cut in; empty: `timezone`."
    )
    source: str = Field(default="", description="Where the station can be heard, as a URL.")
    title: str = Field(default="", description="The name reports show; empty: the station's name.")

    @property
    def zone(self) -> ZoneInfo:
        """The station's time zone."""
        return zone_named(self.timezone or "UTC")


class RetentionSettings(_Section):
    """What the scheduler clears, and when. 0 days keeps for ever."""

    journal_days: int = Field(
        default=400,
        ge=0,
        description="Days the journal is kept: what was heard, and so every report.",
    )
    claims_days: int = Field(
        default=400,
        ge=0,
        description="Days it is remembered that a file was done and a play announced;"
        " never fewer than the journal's.",
    )

    @property
    def claims_kept_days(self) -> int:
        """`claims_days`, but as long as the journal: plays it holds are not announced anew."""
        both = (self.claims_days, self.journal_days)
        return max(both) if all(both) else 0


class ListeningSettings(_Section):
    """How audio is heard and heards become plays."""

    window_s: float = Field(
        default=12.0, ge=3, le=120, description="Seconds of audio that are matched at a time."
    )
    threshold: float = Field(
        default=0.99, gt=0, lt=1, description="Confidence from which a match alone makes a play."
    )
    bridge_s: float = Field(
        default=45.0,
        ge=0,
        le=600,
        description="Longest hole within one play: talk-over, a short gap.",
    )
    widest_speed: float = Field(
        default=0.06,
        ge=0,
        le=0.2,
        description="How far from its speed music is sought that matches nothing; 0: not at all.",
    )
    widest_tempo: float = Field(
        default=0.1,
        ge=0,
        le=0.2,
        description="The same for music that is stretched, its pitch unchanged.",
    )
    widest_pitch: float = Field(
        default=2.0,
        ge=0,
        le=4,
        description="Semitones by which music is sought transposed, its tempo unchanged.",
    )


class IndexSettings(_Section):
    """How the catalogue is filled."""

    workers: int = Field(
        default=0, ge=0, le=1024, description="Processes that fingerprint; 0: all cores."
    )
    batch_recordings: int = Field(
        default=256, ge=1, le=10_000, description="Recordings written together as one volume."
    )


class SchedulerSettings(_Section):
    """When `songid run` does what."""

    poll_s: float = Field(default=5.0, ge=0.1, description="Seconds between looks into the inbox.")
    report_time: time = Field(
        default=time(0, 10),
        description="Local time at which a station's report on yesterday is made.",
    )
    refresh_s: float = Field(
        default=900.0,
        ge=1,
        description="Seconds between renderings of the running day's report, and of a past"
        " day's for which more audio came.",
    )
    quiet_s: float = Field(
        default=300.0,
        ge=1,
        description="Seconds without audio after which a station's last play counts as over.",
    )
    lease_s: float = Field(
        default=60.0,
        ge=1,
        le=3600,
        description="Seconds after which another takes over the work of one that died at it.",
    )
    merge_every_s: float = Field(
        default=900.0, ge=1, description="Seconds between merges of volumes."
    )
    clear_every_s: float = Field(
        default=86_400.0, ge=60, description="Seconds between clearings of what retention gives up."
    )


class FunctionSettings(_Section):
    """How songid works as a function that is given notifications, as on AWS Lambda."""

    dead_letters: str = Field(
        default="",
        description="Sink that a job which can never be done is sent to, with the reason;"
        " empty: it fails, and its queue deals with it.",
    )
    continue_to: str = Field(
        default="",
        description="Sink that a job which needs another run is sent to; empty: it fails, and"
        " comes again from its queue.",
    )
    spare_s: float = Field(
        default=30.0,
        ge=1,
        le=600,
        description="Seconds before a function's time is up at which it keeps what it has"
        " and stops.",
    )


class Settings(_Section):
    """The whole tree. `Settings()` is the defaults; `load` reads what the user set."""

    # Beside the inbox, the reports and songid.toml: one working directory is one
    # installation, in plain sight of whoever backs it up or deletes it. A per-user data
    # directory would let two projects of one user share a catalogue by accident.
    store: str = Field(
        default="sqlite:songid-data",
        min_length=1,
        description="The store's URL; catalogue and journal.",
    )
    fingerprinter: str = Field(
        default="landmark", min_length=1, description="The fingerprinter's URL."
    )
    sinks: tuple[str, ...] = Field(
        default=(), description="URLs of the sinks that events are sent to."
    )
    plugins: tuple[str, ...] = Field(
        default=(), description="Plugins beside the installed ones: modules or paths of .py files."
    )
    inbox: str = Field(
        default="inbox",
        description="Folder (or source URL) that `songid run` watches; empty: none.",
    )
    reports: str = Field(
        default="reports",
        min_length=1,
        description="Folder (or folder URL, as `s3://bucket/reports`) the reports are written to.",
    )
    report_formats: tuple[str, ...] = Field(
        default=("html", "json", "csv"), description="Formats each report is rendered in."
    )
    timezone: TimeZoneName = Field(
        default="UTC", description="IANA time zone of stations that have none of their own."
    )
    cache_bytes: int = Field(
        default=192 * 2**20, ge=2**20, description="Memory that pages read once are kept in."
    )
    refresh_s: float = Field(
        default=2.0,
        ge=0,
        le=30,
        description="Seconds for which a process takes the catalogue to be as it last saw it.",
    )
    log_level: LogLevel = Field(default="info", description="debug, info, warning or error.")
    listening: ListeningSettings = ListeningSettings()
    index: IndexSettings = IndexSettings()
    scheduler: SchedulerSettings = SchedulerSettings()
    function: FunctionSettings = FunctionSettings()
    retention: RetentionSettings = RetentionSettings()
    stations: Mapping[str, StationSettings] = Field(
        default_factory=dict, description="Stations by name; one not named here gets the defaults."
    )

    def station(self, name: str) -> StationSettings:
        """The station with every default filled in; any name has one."""
        known = self.stations.get(name, StationSettings())
        return StationSettings(
            timezone=known.timezone or self.timezone,
            source=known.source,
            title=known.title or name,
        )

    @property
    def reports_url(self) -> ComponentURL:
        """The reports' folder as a folder's URL: a plain path means the `folder` one."""
        return _url_or_path(self.reports)

    @property
    def inbox_url(self) -> ComponentURL | None:
        """The inbox as a source's URL: a plain path means the `folder` source."""
        return _url_or_path(self.inbox) if self.inbox else None


def _url_or_path(text: str) -> ComponentURL:
    if re.match(r"[a-z][a-z0-9+.-]+:", text):
        return ComponentURL.parse(text)
    return ComponentURL.build("folder", text)


def load(path: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read the settings: `overrides` before `SONGID_*` before songid.toml before defaults.

    `path` names the file; without it, $SONGID_CONFIG does; without that, ./songid.toml is
    read if it is there. Keys of `overrides` may be dotted (`index.workers`); a value None
    means "not given". Raises SettingsError with one line for each thing that is wrong.
    """
    found = layers(find_toml(path), overrides or {}, Settings)
    values = merged(found)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise sentences(error, found, Settings) from None


# -- documentation ----------------------------------------------------------------------


def _keys(section: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, info in section.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            yield from _keys(info.annotation, f"{prefix}{name}.")
        elif name == "stations":
            yield from _keys(StationSettings, "stations.NAME.")
        else:
            yield f"{prefix}{name}", info


def _toml_value(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_toml_value(item) for item in value)}]"
    if isinstance(value, time):
        return f'"{value:%H:%M}"'
    if isinstance(value, str | Path):
        return f'"{value}"'
    return str(value)


def _default(info: FieldInfo) -> str:
    return "" if info.default is PydanticUndefined else _toml_value(info.default)


def describe() -> str:
    """Every key as a Markdown table: key, variable, default, what it means."""
    lines = ["| key | variable | default | meaning |", "| --- | --- | --- | --- |"]
    lines += [
        f"| `{key}` | `{ENV_PREFIX}{key.upper().replace('.', '__')}` | `{_default(info)}` |"
        f" {info.description} |"
        for key, info in _keys(Settings)
    ]
    return "\n".join(lines) + "\n"


def example() -> str:
    """A songid.toml that sets every key to its default and says what it is for."""
    lines: list[str] = ["# songid.toml: every key with its default."]
    table = ""
    for key, info in _keys(Settings):
        section, _, name = key.rpartition(".")
        if section != table:
            table = section
            heading = section.replace("NAME", "radio1")
            lines += ["", f"# [{heading}]" if "NAME" in section else f"[{heading}]"]
        value = f"{name} = {_default(info)}"
        lines += [f"# {info.description}", f"# {value}" if "NAME" in section else value]
    text = "\n".join(lines) + "\n"
    tomllib.loads(text)
    return text
