"""The sink `s3://bucket/prefix`: each event an object of one line, for Athena to read.

`<prefix>/<table>/date=<day>/station=<station>/<event_id>.json`, so that each kind of event
is a table in partitions of days and stations, and an event that comes again is one object.
"""

from __future__ import annotations

from typing import Any

from songid.documents import compact_json, event_document
from songid.errors import SinkError
from songid.interfaces import Sink
from songid.model import ComponentURL, Event, EventKind
from songid_plugins.aws_clients import AWS_ERRORS, aws_error_text
from songid_plugins.aws_urls import BucketPlace, bucket_place
from songid_plugins.sinks.names import date_of, safe_name

MEDIA_TYPE = "application/json"
# One table has one kind of row. Whoever asks for plays means whole ones, with their ends.
TABLES = {
    EventKind.HEARD: "heards",
    EventKind.PLAY_STARTED: "play_starts",
    EventKind.PLAY_ENDED: "plays",
    EventKind.REFUSED: "refused",
    EventKind.CONTINUED: "continued",
}


def open_sink(url: ComponentURL) -> Sink:
    """Open the sink below the URL's prefix; nothing is asked of AWS yet.

    Options: `region`, `endpoint` and `role` (an ARN to assume), where they are not those
    of the surroundings.
    """
    return S3Sink(bucket_place(url))


class S3Sink:
    """A prefix of a bucket as a `songid.interfaces.Sink`."""

    def __init__(self, place: BucketPlace) -> None:
        self._place = place

    def send(self, event: Event) -> None:
        """Put the event's object, over itself where it came before; SinkError if S3 refuses."""
        document = event_document(event)
        key = self._place.prefix + key_of(event, document)
        try:
            self._place.client.put_object(
                Bucket=self._place.bucket,
                Key=key,
                Body=compact_json(document).encode() + b"\n",
                ContentType=MEDIA_TYPE,
            )
        except AWS_ERRORS as error:
            uri = self._place.uri(key)
            raise SinkError(f"{uri} was not written. {aws_error_text(error)}") from error

    def close(self) -> None:
        """Nothing is held: clients are shared."""


def key_of(event: Event, document: dict[str, Any]) -> str:
    """The event's key below the prefix; a play is of the day on which it began."""
    dated = document
    metadata = document.get("metadata")
    if event.kind is EventKind.PLAY_ENDED and isinstance(metadata, dict):
        dated = metadata if "timestamp_utc" in metadata else document
    return (
        f"{TABLES[event.kind]}/date={date_of(dated)}/station={safe_name(event.station)}"
        f"/{safe_name(event.event_id)}.json"
    )
