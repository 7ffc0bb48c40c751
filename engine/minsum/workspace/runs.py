"""Reports what a run did, and records it in `runs/`."""

from __future__ import annotations

import logging
import resource
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from minsum.errors import MinsumError, RemoteError, SourceError
from minsum.machine import versions
from minsum.text_tables import Shown
from minsum.workspace.footers import canonical_json
from minsum.workspace.layout import Layout
from minsum.workspace.lock import exclusive
from minsum.workspace.publish import publish_text

if TYPE_CHECKING:
    import polars as pl

log = logging.getLogger("minsum")


@dataclass(slots=True)
class StageReport:
    """Result of one stage.

    Attributes
    ----------
    stage
        fetch, flows, esi, panel, estimates or report.
    changed
        Whether the stage wrote anything.
    seconds
        Wall time.
    summary
        Counts of the stage, by name.
    """

    stage: str
    changed: bool
    seconds: float
    summary: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Warned:
    """A problem that did not stop the run but needs attention.

    Attributes
    ----------
    about
        The check or the part of the report: `exports_fall`, `figure esi_ranks` ...
    message
        The problem, and where it is.
    hint
        What to do about it.
    """

    about: str
    message: str
    hint: str


@dataclass(slots=True, repr=False)
class RunReport(Shown):
    """Result of one run.

    Attributes
    ----------
    stages
        Reports of the stages, in order.
    rejected
        Source name to (reason, hint).
    remote
        Error that kept fetch from getting everything; the other stages still ran.
    warnings
        Problems that did not stop the run, such as figures that could not be drawn and failed checks.
    totals
        Contents of the workspace after the run, as counted by `status`.
    reporter_years, moves
        New and revised reporter-years (`flows.ingest.IngestReport.changes`), and the largest changes of the index
        (`esi.moves`).
    """

    stages: list[StageReport] = field(default_factory=list)
    rejected: dict[str, tuple[str, str]] = field(default_factory=dict)
    remote: RemoteError | None = None
    warnings: list[Warned] = field(default_factory=list)
    totals: dict[str, int] = field(default_factory=dict)
    reporter_years: list[dict[str, Any]] = field(default_factory=list)
    moves: list[dict[str, Any]] = field(default_factory=list)

    def _shown(self) -> Iterator[str | pl.DataFrame]:
        import polars as pl

        columns = ("stage", "changed", "seconds")
        yield f"Exit code {self.exit_code}"
        yield pl.DataFrame({name: [getattr(one, name) for one in self.stages] for name in columns})
        yield from (f"rejected: {reason}" for reason, _hint in self.rejected.values())
        yield from (f"warning: {one.message}" for one in self.warnings)

    @property
    def changed(self) -> bool:
        """Whether any stage wrote anything."""
        return any(stage.changed for stage in self.stages)

    @property
    def exit_code(self) -> int:
        """0; 3 if sources were rejected or there are warnings; 7 if not everything could be fetched."""
        if self.remote is not None:
            return self.remote.exit_code
        return SourceError.exit_code if self.rejected or self.warnings else 0

    def warn(self, about: str, message: str, hint: str) -> None:
        """Record a warning and log it."""
        self.warnings.append(Warned(about, message, hint))
        log.warning("%s", message, extra={"about": about, "hint": hint})

    @contextmanager
    def stage(self, name: str) -> Iterator[Callable[[bool, dict[str, Any]], None]]:
        """Time one stage. Call the yielded function with whether anything was written, and with counts."""
        start = time.perf_counter()
        log.info("%s: started", name, extra={"stage": name})

        def done(changed: bool, summary: dict[str, Any]) -> None:
            seconds = time.perf_counter() - start
            self.stages.append(StageReport(name, changed, seconds, summary))
            log.info(
                "%s: %s in %.1f s",
                name,
                "stopped" if summary.get("problem") else "done" if changed else "nothing to do",
                seconds,
                extra={"stage": name},
            )

        yield done


@contextmanager
def recorded(layout: Layout, *, jobs: int, settings: dict[str, Any]) -> Iterator[RunReport]:
    """Lock the workspace, and record the run however it ends.

    Parameters
    ----------
    layout
        The workspace.
    jobs, settings
        Entries of the record; settings as JSON values.

    Raises
    ------
    WorkspaceLockedError
        If another run holds the workspace.
    """
    started = datetime.now(UTC)
    report = RunReport()
    problem: BaseException | None = None
    with exclusive(layout):
        try:
            yield report
        except BaseException as error:
            problem = error
            raise
        finally:
            record = {
                "started": started.isoformat(),
                "seconds": (datetime.now(UTC) - started).total_seconds(),
                "stages": [asdict(stage) for stage in report.stages],
                "rejected": report.rejected,
                "warnings": [asdict(one) for one in report.warnings],
                "totals": report.totals,
                "changes": {"reporter_years": report.reporter_years, "esi": report.moves},
                "exit_code": _exit_code(problem) if problem else report.exit_code,
                "error": _error_text(problem or report.remote),
                "traceback": _unexpected(problem),
                "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                "jobs": jobs,
                "versions": versions(),
                "settings": settings,
            }
            name = started.strftime("%Y-%m-%dT%H-%M-%S.%fZ.json")
            publish_text(canonical_json(record).decode(), layout.runs / name, layout=layout)


def _unexpected(problem: BaseException | None) -> str | None:
    """Traceback of an unexpected error; None for expected errors and for signals, which have an exit code."""
    is_foreseen = isinstance(problem, MinsumError | OSError | KeyboardInterrupt) or hasattr(
        problem, "exit_code"
    )
    if problem is None or is_foreseen:
        return None
    return "".join(traceback.format_exception(problem))


def _exit_code(problem: BaseException) -> int:
    """Exit code of the command line; for a signal, 128 plus its number."""
    interrupted = 130 if isinstance(problem, KeyboardInterrupt) else 1
    return int(getattr(problem, "exit_code", interrupted))


def _error_text(problem: BaseException | None) -> str | None:
    return None if problem is None else str(problem) or type(problem).__name__
