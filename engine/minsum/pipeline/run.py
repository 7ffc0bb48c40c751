"""What the stages of one run share, and the record of the run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from minsum.errors import DataCheckError, SettingsError
from minsum.settings.load import Settings
from minsum.sources.rejections import count_run, runs_of
from minsum.workspace.layout import Layout
from minsum.workspace.runs import RunReport, recorded

if TYPE_CHECKING:
    from minsum.workspace.tasks import Workers

log = logging.getLogger("minsum")

Progress = Callable[[str, int, int], None]
"""Called with the name of a stage, the work done and the total."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run: the workspace, its settings, and the report that every stage adds to.

    Attributes
    ----------
    layout, settings
        Of the workspace.
    jobs
        Files read at a time.
    progress
        Shows progress.
    report
        What the run did so far.
    workers
        Of the cluster that the settings name, for flows and esi; None for threads.
    """

    layout: Layout
    settings: Settings
    jobs: int
    progress: Progress
    report: RunReport
    workers: Workers | None = None

    def section(self, name: str) -> Any:
        """A section of the settings; see `section`."""
        return section(self.layout, self.settings, name)

    def reject(self, rejected: dict[str, tuple[str, str]]) -> None:
        """Add rejected sources to the report, and log each with the number of runs that rejected it."""
        runs = runs_of(self.layout) if rejected else {}
        for name, (reason, hint) in rejected.items():
            if name not in self.report.rejected:
                count = runs.get(name, 0) + 1
                since = f" (for {count} runs)" if count > 1 else ""
                extra = {"source": name, "hint": hint, "runs": count}
                log.error("rejected: %s%s", reason, since, extra=extra)
        self.report.rejected |= rejected


def section(layout: Layout, settings: Settings, name: str) -> Any:
    """A section of the settings.

    Raises
    ------
    SettingsError
        If `minsum.toml` does not have it.
    """
    found = getattr(settings, name)
    if found is None:
        raise SettingsError(
            f"{layout.settings}: no [{name}] section",
            "copy it from the minsum.toml that minsum init --paper OTHER-FOLDER writes",
        )
    return found


@contextmanager
def recorded_run(layout: Layout, settings: Settings, *, jobs: int, progress: Progress) -> Iterator[Run]:
    """Lock the workspace, run the stages of the caller, and write the record of the run to `runs/`.

    Raises
    ------
    WorkspaceLockedError
        If another run holds the workspace.
    """
    with recorded(layout, jobs=jobs, settings=settings.model_dump(mode="json")) as report:
        run = Run(layout, settings, jobs, progress, report)
        try:
            with _connected(run) as workers:
                yield replace(run, workers=workers)
        except Exception:
            _count(run)
            raise
        # Not after a signal: it may have come in the middle of an import.
        _count(run)


@contextmanager
def _connected(run: Run) -> Iterator[Workers | None]:
    """The workers of the cluster that the settings name, if any."""
    if not run.settings.cluster:
        yield None
        return
    from minsum.cluster.driver import Cluster

    with closing(
        Cluster(run.settings.cluster, run.layout, patience=run.settings.cluster_patience)
    ) as workers:
        yield workers


def _count(run: Run) -> None:
    """Count the run in the records of the sources it rejected, and count what the workspace holds now."""
    from minsum.inspect.status import read_totals

    if run.report.rejected:
        count_run(run.layout, run.report.rejected)
    with suppress(DataCheckError):  # a file that cannot be read has already ended the run
        run.report.totals = read_totals(run.layout)
