from __future__ import annotations

import json
from typing import Any

import pytest
from function_material import batch, created

from songid.errors import NotificationError
from songid.function.messages import Notice, messages_in, notices_in


def test_a_batch_is_its_messages_and_how_often_each_came() -> None:
    messages = messages_in(batch(created("a"), "text", tries=[1, 5]))
    assert messages is not None
    assert [(each.message_id, each.tries) for each in messages] == [("m0", 1), ("m1", 5)]
    assert [each.body for each in messages] == [created("a"), "text"]


@pytest.mark.parametrize(
    "event", [{}, {"Records": "x"}, {"Records": [1]}, {"Records": [{"eventSource": "aws:s3"}]}]
)
def test_what_is_no_batch_of_a_queue_is_none(event: dict[str, Any]) -> None:
    assert messages_in(event) is None


def test_a_bucket_that_tells_a_topic_that_tells_a_queue_is_understood() -> None:
    record = {"eventSource": "aws:s3", "s3": {"object": {"key": "a+b"}}}
    inner = json.dumps({"Records": [record, record]})
    direct = {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": inner}}]}
    for body in ({"Type": "Notification", "Message": inner}, direct):
        assert list(notices_in(body)) == [Notice(record), Notice(record)]


@pytest.mark.parametrize(
    "body",
    [
        None,
        3,
        [],
        "text",
        {},
        {"Type": "Notification", "Message": "hello"},
        {"Type": "SubscriptionConfirmation", "SubscribeURL": "https://sns"},
        {"schema": "songid.continue/1", "notice": {}},
        {"schema": "songid.continue/1", "windows": 3},
        {"detail-type": "Scheduled Event", "detail": {}},
    ],
)
def test_what_is_no_notification_says_so(body: Any) -> None:
    with pytest.raises(NotificationError):
        list(notices_in(body))
