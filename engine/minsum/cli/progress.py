"""Progress of the stages: bars with speed and time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import logging
import time
from typing import Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

_UNITS: Final = {"flows": "rows", "esi": "years", "synth": "files", "bench": "rounds"}
"""Unit that the progress of each stage counts."""

_SECONDS_BETWEEN_LINES: Final = 10.0


class _Count(ProgressColumn):
    """Column with work done, total and speed."""

    def render(self, task: Task) -> Text:
        """Text of one bar."""
        unit = _UNITS.get(task.description, "")
        speed = f", {task.speed:,.0f} {unit}/s" if task.speed and task.speed >= 10 else ""
        return Text(f"{task.completed:,.0f} of {task.total or 0:,.0f} {unit}{speed}")


class StageProgress:
    """Progress of the stages of one command.

    Parameters
    ----------
    terminal
        Console for the bars; None for log lines.
    """

    def __init__(self, terminal: Console | None) -> None:
        self._bars: Progress | None = None
        if terminal is not None:
            self._bars = Progress(
                TextColumn("{task.description:10}"), BarColumn(bar_width=12), _Count(), TimeRemainingColumn(),
                console=terminal, transient=True,
            )  # fmt: skip
        self._tasks: dict[str, TaskID] = {}
        self._lines: dict[str, tuple[float, int, float]] = {}

    def start(self) -> None:
        """Start to draw bars."""
        if self._bars:
            self._bars.start()

    def stop(self) -> None:
        """Remove the bars."""
        if self._bars:
            self._bars.stop()

    def move(self, stage: str, done: int, total: int) -> None:
        """Show the progress of a stage; the total may be an estimate."""
        if self._bars is None:
            self._log(stage, done, total)
            return
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=total)
        # A new total given to update() would forget the speed.
        self._bars.tasks[self._tasks[stage]].total = total
        self._bars.update(self._tasks[stage], completed=done)

    def _log(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        started, first, said = self._lines.setdefault(stage, (now, done, now))
        if now - said < _SECONDS_BETWEEN_LINES or done >= total or done == first:
            return
        self._lines[stage] = (started, first, now)
        left = (now - started) / (done - first) * (total - done)
        logging.getLogger("minsum").info(
            "%s: %s of %s %s, about %.0f s left", stage, f"{done:,}", f"{total:,}", _UNITS.get(stage, ""), left,
            extra={"stage": stage},
        )  # fmt: skip
