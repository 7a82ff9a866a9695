"""The sink `sns:arn:aws:sns:REGION:ACCOUNT:NAME`: each event a message of the topic.

Its attributes (station, event, recording, reason) are there for subscriptions' filter
policies; a FIFO topic (`NAME.fifo`) keeps a station's events in order.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any

from songid.errors import PluginError, SinkError
from songid.interfaces import Sink
from songid.model import ComponentURL, Event
from songid_plugins.aws_clients import AWS_ERRORS, aws_error_text
from songid_plugins.aws_urls import client_of, refuse_unknown_options
from songid_plugins.sinks.messages import attributes, message_text, order

_ARN = re.compile(r"arn:aws[a-z-]*:sns:(?P<region>[a-z0-9-]+):\d{12}:[A-Za-z0-9_-]+(?:\.fifo)?")


def open_sink(url: ComponentURL) -> Sink:
    """Open the sink on the topic that the URL names; nothing is asked of AWS yet.

    Options: `region` (that of the ARN), `endpoint` and `role` (an ARN to assume).
    """
    refuse_unknown_options(url)
    arn = _ARN.fullmatch(url.rest)
    if arn is None:
        raise PluginError(
            f"{url}: give the topic's ARN, as in sns:arn:aws:sns:eu-west-1:123456789012:songs"
        )
    return TopicSink(url, url.rest, arn["region"])


class TopicSink:
    """A topic as a `songid.interfaces.Sink`. A subscriber may get an event twice."""

    def __init__(self, url: ComponentURL, arn: str, region: str) -> None:
        self._url = url
        self._arn = arn
        self._region = region

    @cached_property
    def _client(self) -> Any:
        return client_of(self._url, "sns", region=self._region)

    def send(self, event: Event) -> None:
        """Publish the event; SinkError if the topic does not take it."""
        try:
            self._client.publish(
                TopicArn=self._arn,
                Message=message_text(event),
                MessageAttributes=attributes(event),
                **(order(event) if self._arn.endswith(".fifo") else {}),
            )
        except AWS_ERRORS as error:
            raise SinkError(f"{self._arn} took no event. {aws_error_text(error)}") from error

    def close(self) -> None:
        """Nothing is held: clients are shared."""
