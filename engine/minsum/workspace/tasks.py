"""Who does the tasks of a stage: threads of this process or, with the same functions, a cluster (`minsum.cluster`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Protocol, TypeVar

from minsum.workspace.layout import Layout

Task = TypeVar("Task")
Result = TypeVar("Result")
Run = Callable[[Task, Layout], Result]
"""Does a task in a workspace; a cluster sends the function by its name, and pickles task and result."""

Done = Iterator[tuple[Task, Callable[[], Result]]]
"""Tasks as they are finished, each with what gives its result or raises its error."""


class Workers(Protocol):
    """Workers on other machines."""

    @property
    def n_beside(self) -> int:
        """Tasks that share the memory of one process."""

    def refuse_unseen(self, files: Iterable[Path]) -> None:
        """Raise if a worker does not see one of the files."""

    def as_done(self, run: Run[Task, Result], tasks: Iterable[Task]) -> Done[Task, Result]:
        """Do the tasks; they are drawn as workers become free."""


def in_threads(
    pool: ThreadPoolExecutor,
    run: Run[Task, Result],
    tasks: Iterable[Task],
    layout: Layout,
    *,
    ahead: int,
    in_turn: bool = False,
) -> Done[Task, Result]:
    """Do the tasks in threads, never more than `ahead` of them under way or waiting: memory stays flat. With `in_turn`
    they are given back in their order."""
    waiting = iter(tasks)
    running: dict[Future[Result], Task] = {}
    while True:
        for task in waiting:
            running[pool.submit(run, task, layout)] = task
            if len(running) >= ahead:
                break
        if not running:
            return
        first = next(iter(running))
        for future in [first] if in_turn else wait(running, return_when=FIRST_COMPLETED).done:
            yield running.pop(future), future.result
