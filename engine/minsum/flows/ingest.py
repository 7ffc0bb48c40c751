"""Reads sources, several at a time, and publishes what they give."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from minsum.errors import MinsumError, SourceError
from minsum.flows.archives import unfold
from minsum.flows.build import build
from minsum.flows.lake import Lake, survey
from minsum.flows.options import IngestOptions
from minsum.flows.slices import Slices
from minsum.formats import read_header, recognise
from minsum.publications import from_name
from minsum.rejections import read_rejections, write_rejection
from minsum.sources import Source, discover, identify, open_text
from minsum.workspace import Layout

if TYPE_CHECKING:
    from minsum.flows.parse import Parsed

Progress = Callable[[str, int, int], None]
"""Called with the stage, what is done and what there is to do."""


Spread = Callable[[Callable[[int], bool], list[int]], Iterable[bool]]
"""`map`, in this thread or over several."""

_AT_THE_DISK: Final = 1
"""Threads beyond the jobs: one or another waits for the disk (20 ms a file published)."""


@dataclass(frozen=True, slots=True)
class _Brought:
    """A source that was read, None when it only accompanies data; and whether each partition was written, if yet."""

    parsed: Parsed | None
    written: list[bool] | None = None


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
    changes
        Of `lake.Lake`, in order of classification, year and reporter.
    """

    added: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    copies: dict[str, str] = field(default_factory=dict)
    superseded: list[str] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    rejected: dict[str, tuple[str, str]] = field(default_factory=dict)
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
    lake = Lake(layout, options.recipe(), frozenset(source.sha256 for source in sources))

    def read(source: Source) -> Parsed | None:
        from minsum.flows.parse import parse  # a run with nothing to read must not load Numba

        return parse(source, options, layout)

    def bring(source: Source) -> _Brought:
        """Read a source, and publish it in the same thread when it is one whole reporter-year."""
        parsed = read(source)
        if parsed is None or not parsed.form.is_complete or len(parsed.pending.partitions) > 1:
            return _Brought(parsed)
        return _Brought(parsed, _publish_complete(parsed, lake, map))

    slices = Slices(lake, {source.sha256: source for source in sources}, read)
    meter = _Meter(sum(source.size for source in todo))
    with ThreadPoolExecutor(jobs + _AT_THE_DISK) as pool:
        by_publisher = _by_publisher(todo, pool)
        for source, outcome in chain.from_iterable(
            _bounded(pool, one, bring, ahead=jobs + _AT_THE_DISK) for one in by_publisher
        ):
            try:
                brought = outcome()
                parsed = brought.parsed
                meter.rows += sum(one["rows_in"] for one in parsed.records.values()) if parsed else 0
                if parsed is None:
                    report.passed_over.append(source.name)
                elif parsed.form.is_complete:
                    written = brought.written
                    if written is None:
                        written = _publish_complete(parsed, lake, pool.map)
                    report.n_partitions += sum(written)
                    report.rows_in += sum(record["rows_in"] for record in parsed.records.values())
                    (report.added if any(written) else report.superseded).append(source.name)
                else:
                    slices.add(parsed)
            except SourceError as error:
                _reject(source, error, options, layout, report)
            meter.bytes_done += source.size
            progress("flows", meter.rows, meter.expected_rows())
        for sha, problem in _publish_slices(slices, report).items():
            _reject(slices.sources[sha], problem, options, layout, report)
    _forget_rejections(sources, report, layout)
    _pass_over_outlived(sources, report)
    report.changes = sorted(lake.changes, key=lambda one: list(one.values())[:3])
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


def _by_publisher(todo: list[Source], pool: ThreadPoolExecutor) -> list[list[Source]]:
    """Sources of one publisher after those of another, the first to be named first; within each, the largest first.

    Within a publisher any order gives the same lake: no thread is left alone with a large file at the end. Of two
    publishers of one reporter-year the first is kept.
    """
    groups: dict[str, list[Source]] = {}
    for source, publisher in zip(todo, pool.map(_publisher, todo), strict=True):
        groups.setdefault(publisher, []).append(source)
    return [sorted(group, key=lambda source: -source.size) for group in groups.values()]


def _publisher(source: Source) -> str:
    """By its header; empty for a source that only accompanies data or will be rejected when it is read."""
    try:
        with open_text(source) as file:
            form = recognise(read_header(file, source.name), source.name)
    except SourceError:
        return ""
    return form.publisher if form else ""


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
    work: Callable[[Source], _Brought],
    *,
    ahead: int,
) -> Iterator[tuple[Source, Callable[[], _Brought]]]:
    """Results as they come, never more than `ahead` sources under way or waiting: memory stays flat."""
    waiting = iter(sources)
    running: dict[Future[_Brought], Source] = {}
    while True:
        for source in waiting:
            running[pool.submit(work, source)] = source
            if len(running) >= ahead:
                break
        if not running:
            return
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            yield running.pop(future), future.result


def _publish_complete(parsed: Parsed, lake: Lake, spread: Spread) -> list[bool]:
    """Publish each partition of a source; False for one of which the lake holds a later publication."""
    numbers = parsed.pending.partitions
    lake.refuse_rivals(numbers, parsed.records[numbers[0]])

    def publish(number: int) -> bool:
        # No name for the rows: they are freed before the table is made and written.
        built = build(
            parsed.pending.take(number), is_complete=True, has_world_rows=parsed.form.has_world_rows
        )
        return lake.publish_complete(number, built, parsed.records[number])

    return list(spread(publish, numbers))


def _publish_slices(slices: Slices, report: IngestReport) -> dict[str, SourceError]:
    fresh = dict(slices.parsed)
    n_written, rejected = slices.publish()
    for sha, parsed in sorted(fresh.items(), key=lambda one: one[1].source.name):
        if sha not in rejected:
            report.added.append(parsed.source.name)
            report.rows_in += sum(record["rows_in"] for record in parsed.records.values())
    report.n_partitions += n_written
    return rejected


def _rejections(layout: Layout, options: IngestOptions) -> dict[tuple[str, str], tuple[str, str]]:
    """Reason and hint of what was rejected before under the same recipe, by digest and name."""
    recipe = options.rejection_recipe()
    return {
        (record["sha256"], record["name"]): (record["reason"], record["hint"])
        for record in read_rejections(layout).values()
        if record["recipe"] == recipe
    }


def _reject(
    source: Source, error: MinsumError, options: IngestOptions, layout: Layout, report: IngestReport
) -> None:
    write_rejection(
        layout, error, name=source.name, sha256=source.sha256, size=source.size,
        recipe=options.rejection_recipe(),
    )  # fmt: skip
    report.rejected[source.name] = (error.message, error.hint)


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
