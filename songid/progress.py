"""What long work shows while it runs, and tables for people to read.

Bars on a terminal, a plain line every few seconds where standard error is a file or a
service's log, and nothing at all where a machine reads the output.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text


@dataclass(slots=True)
class Task:
    """One piece of work; `total` is None where its size is not known."""

    description: str
    total: float | None
    done: float
    _changed: Callable[[Task], None]
    _bar: int = 0
    _last_line_s: float = 0.0

    def advance(self, amount: float = 1, description: str | None = None) -> None:
        """So much more is done; `description` replaces the one shown."""
        self.done += amount
        self.description = description or self.description
        self._changed(self)

    def __str__(self) -> str:
        """The state as one plain line."""
        if self.total:
            share = f" ({self.done / self.total:.0%})"
            return f"{self.description}: {self.done:.10g} of {self.total:.10g}{share}"
        return f"{self.description}: {self.done:.10g}"


class Progress:
    """Shows tasks and messages on `stream` (standard error); used with `with`.

    `silent` shows nothing. Task.advance may be called as often as one likes, but from one
    thread at a time.
    """

    def __init__(
        self, *, silent: bool = False, stream: TextIO | None = None, every_s: float = 5.0
    ) -> None:
        self._silent = silent
        self._every_s = every_s
        self._console = Console(file=stream or sys.stderr, highlight=False, soft_wrap=True)
        self._bars: Bars | None = None
        self._tasks: list[Task] = []

    def __enter__(self) -> Self:
        if not self._silent and self._console.is_terminal:
            text = TextColumn("{task.description}", markup=False)
            columns = (text, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bars = Bars(*columns, console=self._console)
            self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._bars:
            self._bars.stop()
            self._bars = None
        elif kind is None:
            for task in self._tasks:
                self.say(str(task))

    def task(self, description: str, total: float | None = None) -> Task:
        """Begin a task of `total` steps (or seconds, or bytes)."""
        task = Task(description, total, 0, self._show, 0, time.monotonic())
        if self._bars:
            task._bar = self._bars.add_task(description, total=total)
        self._tasks.append(task)
        return task

    def say(self, message: str) -> None:
        """Show a line that stays, above the bars."""
        if not self._silent:
            self._console.print(message, markup=False)

    def _show(self, task: Task) -> None:
        if self._bars:
            self._bars.update(
                self._bars.task_ids[task._bar], completed=task.done, description=task.description
            )
        elif time.monotonic() - task._last_line_s >= self._every_s:
            task._last_line_s = time.monotonic()
            self.say(str(task))


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Collection[str] = (),
    stream: TextIO | None = None,
) -> None:
    """Print rows under column heads on `stream` (standard output); `right` names numbers.

    A terminal's width folds long cells; in a file or pipe every row is one whole line.
    """
    console = Console(file=stream or sys.stdout, highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(Text(column), justify="right" if column in right else "left")
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    if not console.is_terminal:
        console.width = 10_000
    console.print(table)
