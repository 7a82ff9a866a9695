"""Every error songid raises on purpose, each with a sentence that says what to do.

The edges (CLI, scheduler) print the text of a `SongidError` as it is and show no
traceback; anything else is a defect and is shown whole.
"""

from __future__ import annotations


class SongidError(Exception):
    """The root of all errors that are meant for the user's eyes."""


class AudioError(SongidError):
    """A file or stream that gives no usable audio at all; `reason` is one clause."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason


class MomentError(SongidError):
    """A moment that is asked about, but at which a file has no sound."""


class GoneError(AudioError):
    """An item whose bytes were deleted or replaced for good, so that trying again is no use."""


class SettingsError(SongidError):
    """A setting that is missing, misspelt or out of range."""


class UnknownSchemeError(SongidError):
    """A component URL whose scheme no installed plugin offers."""


class PluginError(SongidError):
    """A plugin that cannot be opened: an option it does not know, an extra not installed."""


class StoreError(SongidError):
    """A store that cannot be opened, is of another version, or is damaged."""


class FingerprinterMismatchError(StoreError):
    """The store's postings were written by another fingerprinter or other parameters."""


class PageGoneError(StoreError):
    """A page of a volume that was merged away; read the list of volumes again."""


class CatalogueError(SongidError):
    """A catalogue command that names something that is not there or cannot be read."""


class ClaimLostError(SongidError):
    """A claim ran out while its owner was still at work; another may have taken it."""


class NotificationError(SongidError):
    """A notification that is of no known form, or tells of what songid has no job for."""


class FolderError(SongidError):
    """A folder that cannot be opened, or a file in it that cannot be read or written."""


class SinkError(SongidError):
    """An event that could not be delivered; it is sent again later."""
