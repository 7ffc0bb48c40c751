"""Brings sources into the lake: read, several at a time, and published."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import chain
from typing import Final

from minsum.errors import MinsumError, SourceError
from minsum.flows.ingest import IngestReport, Progress
from minsum.flows.lake import Lake
from minsum.flows.opening import open_table
from minsum.flows.options import IngestOptions
from minsum.flows.parse import Parsed, parse
from minsum.flows.pending import Partition
from minsum.flows.repairs import build
from minsum.flows.slices import Slices
from minsum.formats import recognise
from minsum.rejections import write_rejection
from minsum.sources import Source
from minsum.workspace import Layout

Spread = Callable[[Callable[[Partition], bool], list[Partition]], Iterable[bool]]
"""`map`, in this thread or over several."""

_AT_THE_DISK: Final = 1
"""Threads beyond the jobs: one or another waits for the disk (20 ms a file published)."""


@dataclass(frozen=True, slots=True)
class _Brought:
    """A source that was read, None when it only accompanies data; and whether each partition was written, if yet."""

    parsed: Parsed | None
    written: list[bool] | None = None


def bring_in(
    todo: list[Source],
    sources: list[Source],
    options: IngestOptions,
    layout: Layout,
    report: IngestReport,
    *,
    jobs: int,
    progress: Progress,
) -> None:
    """Read the sources of `todo`, publish what they give and enter it in the report.

    Parameters
    ----------
    todo, sources
        Those that need reading, and all of this run, among which are earlier slices of the same reporter-years.
    options, layout, jobs, progress
        As for `ingest`.
    report
        Is added to.
    """
    lake = Lake(layout, options.recipe(), frozenset(source.sha256 for source in sources))

    def read(source: Source) -> Parsed | None:
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
                if parsed is not None and (mended := next(iter(parsed.records.values()))["mended"]):
                    report.mended[source.name] = mended
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
    report.changes = sorted(lake.changes, key=lambda one: list(one.values())[:3])


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
        with open_table(source) as (_, header):
            form = recognise(header, source.name)
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
    partitions, pending = parsed.pending.partitions, parsed.pending
    lake.refuse_rivals(partitions, parsed.records[partitions[0]])

    def publish(partition: Partition) -> bool:
        # No names for the rows: they are freed before the table is made and written.
        built = build(
            pending.take(partition, "kept"), pending.take(partition, "parts"),
            is_complete=True, has_world_rows=parsed.form.has_world_rows,
        )  # fmt: skip
        return lake.publish_complete(partition, built, parsed.records[partition])

    return list(spread(publish, partitions))


def _publish_slices(slices: Slices, report: IngestReport) -> dict[str, SourceError]:
    fresh = dict(slices.parsed)
    n_written, rejected = slices.publish()
    for sha, parsed in sorted(fresh.items(), key=lambda one: one[1].source.name):
        if sha not in rejected:
            report.added.append(parsed.source.name)
            report.rows_in += sum(record["rows_in"] for record in parsed.records.values())
    report.n_partitions += n_written
    return rejected


def _reject(
    source: Source, error: MinsumError, options: IngestOptions, layout: Layout, report: IngestReport
) -> None:
    write_rejection(
        layout, error, name=source.name, sha256=source.sha256, size=source.size,
        recipe=options.rejection_recipe(),
    )  # fmt: skip
    report.rejected[source.name] = (error.message, error.hint)
