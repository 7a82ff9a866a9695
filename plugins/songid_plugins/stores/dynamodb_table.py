"""The table as the store's other modules use it: requests that are repeated until served.

Throttled requests, those that met another's transaction, and those that no answer came to
are repeated with growing, jittered pauses; batches until nothing of them is left over.
"""

from __future__ import annotations

import os
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import Any, TypeVar

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

from songid.errors import StoreError
from songid_plugins.aws_clients import AWS_ERRORS, aws_error_text, error_code
from songid_plugins.stores.dynamodb_layout import Item, Key
from songid_plugins.stores.dynamodb_wire import condition_of, key_of, text, wire_key

S = TypeVar("S")
T = TypeVar("T")

PATIENCE_S = 60.0
WORKERS = 8
_MOST_GETS, _MOST_PUTS = 100, 25  # the service's limits for one batch
_MOST_PUT_BYTES = 8_000_000  # of 16 MB, since bytes travel as text
_LONGEST_PAUSE_S = 2.0

_PASSING = frozenset(
    {
        "InternalServerError",
        "ItemCollectionSizeLimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
_PASSING_REASONS = frozenset(
    {"None", "ProvisionedThroughputExceeded", "ThrottlingError", "TransactionConflict"}
)
_NO_ANSWER = (ConnectionError, HTTPClientError)


class ConditionFailed(Exception):
    """A write whose condition does not hold; `places`: which of a transaction's writes."""

    def __init__(self, places: Sequence[int] = ()) -> None:
        super().__init__("the condition of a write does not hold")
        self.places = tuple(places)


class Table:
    """One table; safe from many threads.

    client: boto3's for `dynamodb`. A request is repeated for at most `patience_s` seconds,
    and up to `workers` are under way at once. `check` is called before the first. Every
    method raises StoreError if the service refuses for good or is not to be reached for so
    long.
    """

    def __init__(
        self,
        client: Any,
        name: str,
        *,
        check: Callable[[Table], None] = lambda table: None,
        patience_s: float = PATIENCE_S,
        workers: int = WORKERS,
    ) -> None:
        self.client = client
        self.name = name
        self._check: Callable[[Table], None] | None = check
        self._patience_s = patience_s
        self._workers = workers
        self._pool: ThreadPoolExecutor | None = None
        self._pool_pid = 0
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let the threads end."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None and self._pool_pid == os.getpid():
            pool.shutdown()

    # -- single items -----------------------------------------------------------------

    def get(self, key: Key) -> Item | None:
        """An item, as of now; None if it is not there."""
        answer = self.call("get_item", Key=wire_key(key), ConsistentRead=True)
        item: Item | None = answer.get("Item")
        return item

    def put(self, item: Item, condition: str = "", values: Item | None = None) -> None:
        """Write an item; ConditionFailed if the condition does not hold."""
        self.call("put_item", Item=item, **condition_of(condition, values))

    def update(
        self, key: Key, expression: str, values: Item | None = None, condition: str = ""
    ) -> None:
        """Change an item; ConditionFailed if the condition does not hold."""
        self.call(
            "update_item",
            Key=wire_key(key),
            UpdateExpression=expression,
            **condition_of(condition, values),
        )

    def delete(self, key: Key, condition: str = "", values: Item | None = None) -> None:
        """Delete an item that may be there; ConditionFailed if the condition does not hold."""
        self.call("delete_item", Key=wire_key(key), **condition_of(condition, values))

    # -- many items -------------------------------------------------------------------

    def query(
        self,
        partition: str,
        *,
        between: tuple[str, str] | None = None,
        columns: str = "",
        consistent: bool = True,
        backwards: bool = False,
        most: int = 0,
    ) -> Iterator[Item]:
        """A partition's items by sort key, `between` two of those inclusive; `most` at most."""
        request: dict[str, Any] = {
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": text(partition)},
            "ConsistentRead": consistent,
            "ScanIndexForward": not backwards,
        }
        if between is not None:
            request["KeyConditionExpression"] += " AND sk BETWEEN :low AND :high"
            request["ExpressionAttributeValues"] |= {
                ":low": text(between[0]),
                ":high": text(between[1]),
            }
        if columns:
            request["ProjectionExpression"] = columns
        if most:
            request["Limit"] = most
        while True:
            answer = self.call("query", **request)
            yield from answer["Items"]
            if most or "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def batch_get(self, keys: Iterable[Key], *, consistent: bool = True) -> dict[Key, Item]:
        """Those of `keys` that are there; in requests of up to 100, several at once."""
        chunks = _chunks(list(dict.fromkeys(keys)), _MOST_GETS)
        found: dict[Key, Item] = {}
        for items in self.parallel(lambda chunk: self._get_some(chunk, consistent), chunks):
            found |= items
        return found

    def _get_some(self, keys: Sequence[Key], consistent: bool) -> dict[Key, Item]:
        found: dict[Key, Item] = {}
        wanted = [wire_key(key) for key in keys]
        for _ in self._tries(f"{len(keys)} items"):
            request = {"Keys": wanted, "ConsistentRead": consistent}
            answer = self.call("batch_get_item", RequestItems={self.name: request})
            for item in answer["Responses"].get(self.name, ()):
                found[key_of(item)] = item
            wanted = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
            if not wanted:
                break
        return found

    def batch_write(self, puts: Sequence[Item] = (), deletes: Sequence[Key] = ()) -> None:
        """Put and delete items, no two of one key; in requests of up to 25, several at once."""
        writes: list[tuple[dict[str, Any], int]] = [
            ({"PutRequest": {"Item": item}}, _size_bytes(item)) for item in puts
        ]
        writes += [({"DeleteRequest": {"Key": wire_key(key)}}, 0) for key in deletes]
        self.parallel(self._write_some, _write_chunks(writes))

    def _write_some(self, writes: list[dict[str, Any]]) -> None:
        for _ in self._tries(f"{len(writes)} items"):
            answer = self.call("batch_write_item", RequestItems={self.name: writes})
            writes = answer.get("UnprocessedItems", {}).get(self.name, [])
            if not writes:
                return

    def transact(self, writes: Sequence[dict[str, Any]]) -> None:
        """Do all of up to 100 writes or none, as `wire_put`, `wire_update` ... give them.

        ConditionFailed names those whose condition does not hold.
        """
        items = [
            {kind: {"TableName": self.name, **body}}
            for write in writes
            for kind, body in write.items()
        ]
        self.call("transact_write_items", TransactItems=items)

    # -- requests ---------------------------------------------------------------------

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """The service's answer to one request, repeated while what hinders it may pass."""
        if (check := self._check) is not None:
            self._check = None  # first, as what it asks comes through here too
            try:
                check(self)
            except BaseException:
                self._check = check
                raise
        if operation.startswith("transact"):
            parameters["ClientRequestToken"] = secrets.token_hex(16)
        elif not operation.startswith("batch"):
            parameters["TableName"] = self.name
        deadline = time.monotonic() + self._patience_s
        attempt = 0
        while True:
            try:
                answer: dict[str, Any] = getattr(self.client, operation)(**parameters)
                return answer
            except AWS_ERRORS as error:
                if not self._may_pass(error) or time.monotonic() > deadline:
                    raise self._explained(error) from error
                # A transaction that may have been served keeps its token, so that it is
                # not done again; one that was cancelled is a new one.
                if error_code(error) == "TransactionCanceledException":
                    parameters["ClientRequestToken"] = secrets.token_hex(16)
            attempt += 1
            _pause(attempt)

    def _may_pass(self, error: Exception) -> bool:
        """Whether a request that failed so may be served later; raises ConditionFailed."""
        code = error_code(error)
        if code == "ConditionalCheckFailedException":
            raise ConditionFailed from None
        if isinstance(error, ClientError) and code == "TransactionCanceledException":
            reasons = [
                str(each.get("Code", "None"))
                for each in error.response.get("CancellationReasons", ())
            ]
            failed = [i for i, code in enumerate(reasons) if code == "ConditionalCheckFailed"]
            if failed:
                raise ConditionFailed(failed) from None
            return bool(reasons) and set(reasons) <= _PASSING_REASONS
        return code in _PASSING or isinstance(error, _NO_ANSWER)

    def _explained(self, error: Exception) -> StoreError:
        if error_code(error) == "ResourceNotFoundException":
            return StoreError(
                f"DynamoDB has no table {self.name!r} here; make it with `songid store migrate`, "
                "or correct the name or the region in the store's URL"
            )
        return StoreError(f"DynamoDB table {self.name!r}: {aws_error_text(error)}")

    def _tries(self, what: str) -> Iterator[int]:
        """Counts tries, with a pause after each, until patience ends; then StoreError."""
        deadline = time.monotonic() + self._patience_s
        attempt = 0
        while True:
            yield attempt
            if time.monotonic() > deadline:
                raise StoreError(
                    f"DynamoDB table {self.name!r}: some of {what} were left undone for "
                    f"{self._patience_s:g} s; the table is throttled, try again later"
                )
            attempt += 1
            _pause(attempt)

    def parallel(self, work: Callable[[S], T], of: Iterable[S]) -> list[T]:
        """`work` of each, several at once; when it raises, none is under way any more."""
        given = list(of)
        if len(given) < 2 or self._workers < 2:
            return [work(each) for each in given]
        futures = [self._threads().submit(work, each) for each in given]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            begun = [future for future in futures if not future.cancel()]
            wait(begun)
        for future in begun:
            if (error := future.exception()) is not None:
                raise error
        return [future.result() for future in futures]

    def _threads(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None or self._pool_pid != os.getpid():  # threads are not forked
                self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="dynamodb")
                self._pool_pid = os.getpid()
            return self._pool


def _chunks(values: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    for begin in range(0, len(values), most):
        yield values[begin : begin + most]


def _write_chunks(
    writes: Iterable[tuple[dict[str, Any], int]],
) -> Iterator[list[dict[str, Any]]]:
    """Writes in pieces that fit one request."""
    chunk: list[dict[str, Any]] = []
    size = 0
    for write, size_bytes in writes:
        if chunk and (len(chunk) == _MOST_PUTS or size + size_bytes > _MOST_PUT_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(write)
        size += size_bytes
    if chunk:
        yield chunk


def _size_bytes(item: Item) -> int:
    return sum(len(value) for attribute in item.values() for value in attribute.values() if value)


def _pause(attempt: int) -> None:
    time.sleep(random.uniform(0, min(_LONGEST_PAUSE_S, 0.025 * 2 ** min(attempt, 10))))
