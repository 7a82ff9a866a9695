"""The sink `sqs:https://sqs.REGION.amazonaws.com/ACCOUNT/NAME`: each event a message.

A FIFO queue (`NAME.fifo`) keeps a station's events in order and takes each once; to the
function it is where dead letters and unfinished jobs go.
"""

from __future__ import annotations

import os
import re
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from songid.errors import PluginError, SinkError
from songid.interfaces import Sink
from songid.model import ComponentURL, Event
from songid_plugins.aws_clients import AWS_ERRORS, aws_error_text
from songid_plugins.aws_urls import client_of, refuse_unknown_options
from songid_plugins.sinks.messages import attributes, message_text, order

# Hosts that the client finds by itself, in any of AWS's partitions; see "Amazon SQS
# endpoints and quotas" in the AWS General Reference.
_PUBLIC_HOST = re.compile(
    r"(?:sqs(?:-fips)?\.(?P<region>[a-z0-9-]+)|(?P<old_region>[a-z0-9-]+)\.queue)"
    r"\.(?:amazonaws\.com|amazonaws\.com\.cn|api\.aws)"
)
_PRIVATE_HOST = re.compile(r"[a-z0-9-]+\.sqs\.(?P<region>[a-z0-9-]+)\.vpce\.amazonaws\.com")
_ELSEWHERE = ("AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL")
_PATH = re.compile(r"/.*[^/]")


def open_sink(url: ComponentURL) -> Sink:
    """Open the sink on the queue whose URL follows `sqs:`; nothing is asked of AWS yet.

    Options: `region` and `endpoint` (those that the queue's URL tells) and `role` (an ARN
    to assume).
    """
    refuse_unknown_options(url)
    queue = url.rest
    parts = urlsplit(queue)
    if parts.scheme not in ("http", "https") or not parts.hostname or not _PATH.match(parts.path):
        raise PluginError(
            f"{url}: give the queue's URL, as in"
            " sqs:https://sqs.eu-west-1.amazonaws.com/123456789012/songs"
        )
    if public := _PUBLIC_HOST.fullmatch(parts.hostname):
        return QueueSink(url, queue, public["region"] or public["old_region"], "")
    private = _PRIVATE_HOST.fullmatch(parts.hostname)
    # A host of the user's own is where the queue is, unless they say that AWS is elsewhere.
    elsewhere = any(os.environ.get(name) for name in _ELSEWHERE)
    endpoint = "" if elsewhere else f"{parts.scheme}://{parts.netloc}"
    return QueueSink(url, queue, private["region"] if private else "", endpoint)


class QueueSink:
    """A queue as a `songid.interfaces.Sink`. From a standard queue an event may come twice."""

    def __init__(self, url: ComponentURL, queue: str, region: str, endpoint: str) -> None:
        self._url = url
        self._queue = queue
        self._region = region
        self._endpoint = endpoint

    @cached_property
    def _client(self) -> Any:
        return client_of(self._url, "sqs", region=self._region, endpoint=self._endpoint)

    def send(self, event: Event) -> None:
        """Send the event; SinkError if the queue does not take it."""
        try:
            self._client.send_message(
                QueueUrl=self._queue,
                MessageBody=message_text(event),
                MessageAttributes=attributes(event),
                **(order(event) if self._queue.endswith(".fifo") else {}),
            )
        except AWS_ERRORS as error:
            raise SinkError(f"{self._queue} took no event. {aws_error_text(error)}") from error

    def close(self) -> None:
        """Nothing is held: clients are shared."""
