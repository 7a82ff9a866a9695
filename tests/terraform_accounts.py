"""Several applied accounts at once: applying and destroying is mostly waiting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from terraform_account import Account, applied
from terraform_material import Terraform

T = TypeVar("T")


class Accounts:
    """Examples' accounts, all of which are applied from the beginning on, until the block ends."""

    def __init__(self, terraform: Terraform, folder: Path, names: Sequence[str]) -> None:
        self._terraform = terraform
        self._folder = folder
        self._stack = ExitStack()
        self._pool = ThreadPoolExecutor(max(1, len(names)))
        self._applied = {name: self._pool.submit(self._apply, name) for name in names}
        self._done: dict[tuple[str, str], Future[Any]] = {}

    def get(self, name: str) -> Account:
        """An example's account, once it is applied; what failed in that fails here, too."""
        return self._applied[name].result()

    def once(self, account: Account, work: Callable[[Account], T]) -> T:
        """What `work` gives of an account: done when first asked for, and never again."""
        key = (account.configuration.name, work.__qualname__)
        if key not in self._done:
            self._done[key] = _done(lambda: work(account))
        return self._done[key].result()

    def all_at_once(self, work: Callable[[Account], Any]) -> None:
        """Begin with `work` on all accounts that there are, side by side."""
        for name, each in self._applied.items():
            key = (name, work.__qualname__)
            if each.exception() is None and key not in self._done:
                self._done[key] = self._pool.submit(work, each.result())

    def _apply(self, name: str) -> Account:
        folder = self._folder / name
        folder.mkdir()
        context = applied(self._terraform, name, folder)
        account = context.__enter__()
        self._stack.push(context)
        return account

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown()
        self._stack.close()


def _done(make: Callable[[], T]) -> Future[T]:
    future: Future[T] = Future()
    try:
        future.set_result(make())
    except BaseException as error:
        future.set_exception(error)
    return future
