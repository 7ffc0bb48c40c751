"""Finds out which sources need reading, has them brought in, and reports what became of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minsum.flows.archives import unfold
from minsum.flows.known import survey
from minsum.flows.options import IngestOptions
from minsum.publications import from_name
from minsum.rejections import read_rejections
from minsum.sources import Source, discover, identify
from minsum.workspace import Layout

Progress = Callable[[str, int, int], None]
"""Called with the stage, what is done and what there is to do."""


@dataclass(slots=True)
class IngestReport:
    """What one ingest did.

    Attributes
    ----------
    added
        Names of sources that gave rows.
    unchanged, copies, superseded, passed_over
        Names of sources already in the lake; of further copies of a source; of those an equal or later
        publication makes superfluous; of files that only accompany data.
    rejected
        Source name to reason and hint.
    mended
        Source name to rows and USD of texts that were not written as Comtrade writes them (`spellings.MENDED`).
    n_partitions, rows_in
        Partitions published and rows read.
    changes
        Of `lake.Lake`, in order of classification, year and reporter.
    """

    added: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    copies: dict[str, str] = field(default_factory=dict)
    superseded: list[str] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    rejected: dict[str, tuple[str, str]] = field(default_factory=dict)
    mended: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    n_partitions: int = 0
    rows_in: int = 0
    changes: list[dict[str, Any]] = field(default_factory=list)


def ingest(
    layout: Layout, paths: Sequence[Path], options: IngestOptions, *, jobs: int, progress: Progress
) -> IngestReport:
    """Bring files and folders into the lake.

    Parameters
    ----------
    layout
        The workspace, held by the caller.
    paths
        Files and folders, any supported format.
    options
        What decides the rows.
    jobs
        Files read at a time. The result does not depend on it.
    progress
        Called as sources are finished.

    Raises
    ------
    UsageError
        If a path does not exist, or the options name no country. Bad files do not raise: they are rejected, recorded and reported.
    """
    report = IngestReport()
    options.reporter_codes()
    known = survey(layout)
    complete = known.complete(options.recipe())
    sources = unfold(identify(discover(paths), layout, jobs=jobs), whole=complete)
    todo = _choose(sources, complete, known.names(), _rejections(layout, options), report)
    if todo:
        from minsum.flows.bring import bring_in  # loads Numba: half a second

        bring_in(todo, sources, options, layout, report, jobs=jobs, progress=progress)
    _forget_rejections(sources, report, layout)
    _pass_over_outlived(sources, report)
    return report


def _choose(
    sources: list[Source],
    complete: set[str],
    names: dict[str, str],
    rejections: dict[tuple[str, str], tuple[str, str]],
    report: IngestReport,
) -> list[Source]:
    """Sources that need reading; sorts the others into the report."""
    first: dict[str, str] = {}
    todo = []
    for source in sources:
        if source.sha256 in first:
            report.copies[source.name] = first[source.sha256]
        elif source.sha256 in complete:
            report.unchanged.append(source.name)
            if names[source.sha256] != source.name:
                report.copies[source.name] = names[source.sha256]
        elif reason := rejections.get((source.sha256, source.name)):
            report.rejected[source.name] = reason
        else:
            todo.append(source)
        first.setdefault(source.sha256, source.name)
    return todo


def _rejections(layout: Layout, options: IngestOptions) -> dict[tuple[str, str], tuple[str, str]]:
    """Reason and hint of what was rejected before under the same recipe, by digest and name."""
    recipe = options.rejection_recipe()
    return {
        (record["sha256"], record["name"]): (record["reason"], record["hint"])
        for record in read_rejections(layout).values()
        if record["recipe"] == recipe
    }


def _pass_over_outlived(sources: list[Source], report: IngestReport) -> None:
    """A fetched file that was rejected no longer counts once a later publication is good."""
    known = {source.name: one for source in sources if (one := from_name(source.name)) and one.row_key}
    good: dict[str, tuple[str, str]] = {}
    for name, one in known.items():
        if name not in report.rejected:
            good[one.slot] = max(one.version, good.get(one.slot, one.version))
    for name, one in known.items():
        if name in report.rejected and one.version < good.get(one.slot, ("", "")):
            del report.rejected[name]
            report.superseded.append(name)


def _forget_rejections(sources: list[Source], report: IngestReport, layout: Layout) -> None:
    """A name whose new content is good is no longer rejected for its old content."""
    good = {source.name for source in sources} - set(report.rejected)
    for file, record in read_rejections(layout).items():
        if record["name"] in good:
            file.unlink()
