"""Reads sources, several at a time, and publishes what they give."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from minsum.errors import MinsumError, SourceError
from minsum.flows.archives import unfold
from minsum.flows.build import build
from minsum.flows.lake import Lake, survey
from minsum.flows.options import IngestOptions
from minsum.flows.slices import Slices
from minsum.sources import Source, discover, identify
from minsum.workspace import Layout, canonical_json, publish_text

if TYPE_CHECKING:
    from minsum.flows.parse import Parsed

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
    n_partitions, rows_in
        Partitions published and rows read.
    """

    added: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    copies: dict[str, str] = field(default_factory=dict)
    superseded: list[str] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    rejected: dict[str, tuple[str, str]] = field(default_factory=dict)
    n_partitions: int = 0
    rows_in: int = 0


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
    lake = Lake(layout, options.recipe(), frozenset(source.sha256 for source in sources))

    def read(source: Source) -> Parsed | None:
        from minsum.flows.parse import parse  # a run with nothing to read must not load Numba

        return parse(source, options, layout)

    slices = Slices(lake, {source.sha256: source for source in sources}, read)
    meter = _Meter(sum(source.size for source in todo))
    with ThreadPoolExecutor(jobs) as pool:
        for source, outcome in _bounded(pool, todo, read, ahead=jobs):
            try:
                parsed = outcome()
                meter.rows += sum(one["rows_in"] for one in parsed.records.values()) if parsed else 0
                if parsed is None:
                    report.passed_over.append(source.name)
                elif parsed.form.is_complete:
                    _publish_complete(parsed, lake, pool, report)
                else:
                    slices.add(parsed)
            except SourceError as error:
                _reject(source, error, options, layout, report)
            meter.bytes_done += source.size
            progress("flows", meter.rows, meter.expected_rows())
        for sha, problem in _publish_slices(slices, report).items():
            _reject(slices.sources[sha], problem, options, layout, report)
    _forget_rejections(sources, report, layout)
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


@dataclass(slots=True)
class _Meter:
    """Rows read, and how many there will be if the files to come hold as many rows a byte."""

    bytes_all: int
    bytes_done: int = 0
    rows: int = 0

    def expected_rows(self) -> int:
        return round(self.rows * self.bytes_all / self.bytes_done) if self.bytes_done else 0


def _bounded(
    pool: ThreadPoolExecutor,
    sources: Iterable[Source],
    work: Callable[[Source], Parsed | None],
    *,
    ahead: int,
) -> Iterator[tuple[Source, Callable[[], Parsed | None]]]:
    """Results as they come, never more than `ahead` sources under way or waiting: memory stays flat."""
    waiting = iter(sources)
    running: dict[Future[Parsed | None], Source] = {}
    while True:
        for source in waiting:
            running[pool.submit(work, source)] = source
            if len(running) >= ahead:
                break
        if not running:
            return
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            yield running.pop(future), future.result


def _publish_complete(parsed: Parsed, lake: Lake, pool: ThreadPoolExecutor, report: IngestReport) -> None:
    numbers = parsed.pending.partitions
    lake.refuse_rivals(numbers, parsed.records[numbers[0]])

    def publish(number: int) -> bool:
        rows = parsed.pending.take(number)
        built = build(rows, is_complete=True, has_world_rows=parsed.form.has_world_rows)
        return lake.publish_complete(number, built, parsed.records[number])

    written = list(pool.map(publish, numbers))
    report.n_partitions += sum(written)
    report.rows_in += sum(record["rows_in"] for record in parsed.records.values())
    (report.added if any(written) else report.superseded).append(parsed.source.name)


def _publish_slices(slices: Slices, report: IngestReport) -> dict[str, SourceError]:
    fresh = dict(slices.parsed)
    n_written, rejected = slices.publish()
    for sha, parsed in sorted(fresh.items(), key=lambda one: one[1].source.name):
        if sha not in rejected:
            report.added.append(parsed.source.name)
            report.rows_in += sum(record["rows_in"] for record in parsed.records.values())
    report.n_partitions += n_written
    return rejected


def _rejection_file(source: Source, layout: Layout) -> Path:
    return layout.rejected / f"{source.sha256}.json"


def _rejections(layout: Layout, options: IngestOptions) -> dict[tuple[str, str], tuple[str, str]]:
    """Reason and hint of what was rejected before under the same recipe, by digest and name."""
    recipe = options.rejection_recipe()
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for file in layout.rejected.glob("*.json"):
        record = json.loads(file.read_text(encoding="utf-8"))
        if record["recipe"] == recipe:
            found[record["sha256"], record["name"]] = record["reason"], record["hint"]
    return found


def _reject(
    source: Source, error: MinsumError, options: IngestOptions, layout: Layout, report: IngestReport
) -> None:
    record = {
        "name": source.name, "sha256": source.sha256, "size": source.size, "kind": type(error).__name__,
        "reason": error.message, "hint": error.hint, "recipe": options.rejection_recipe(),
    }  # fmt: skip
    publish_text(canonical_json(record).decode(), _rejection_file(source, layout), layout=layout)
    report.rejected[source.name] = (error.message, error.hint)


def _forget_rejections(sources: list[Source], report: IngestReport, layout: Layout) -> None:
    """A name whose new content is good is no longer rejected for its old content."""
    good = {source.name for source in sources} - set(report.rejected)
    for file in layout.rejected.glob("*.json"):
        if json.loads(file.read_text(encoding="utf-8"))["name"] in good:
            os.unlink(file)
