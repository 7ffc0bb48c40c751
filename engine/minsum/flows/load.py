"""Brings sources into the lake: read, several at a time, and published."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from threading import Condition
from typing import Any, Final

from minsum.errors import ChangedSourceError, SmallerSourceError, SourceError
from minsum.flows.lake import Lake
from minsum.flows.lake_index import Known, Reasons, named
from minsum.flows.parse import Parsed, parse
from minsum.flows.partial_files import Slices
from minsum.flows.pending import Partition
from minsum.flows.recipe import rejection_recipe
from minsum.flows.repairs import build
from minsum.sources.files import Source
from minsum.sources.formats import Format
from minsum.sources.publications import from_name, version_of
from minsum.sources.rejections import write_rejection
from minsum.workspace.layout import Layout

Progress = Callable[[str, int, int], None]
"""Called with the stage, what is done and what there is to do."""

Written = bool | SmallerSourceError
"""Whether a partition was written, or why it must not be."""

Spread = Callable[[Callable[[Partition], Written], list[Partition]], Iterable[Written]]
"""`map`, in this thread or over several."""

_AT_THE_DISK: Final = 1
"""Threads beyond the jobs: one or another waits for the disk (20 ms a file published)."""

_MOST_JOBS: Final = 6
"""Files read at a time, some 60 MiB each: with them ingest stays below 1 GiB whatever the files are."""

_BUILT_FIELDS: Final = 4_000_000
"""Fields (rows times columns) of reporter-years that are built and written at a time, some 35 bytes each; a larger one has no other beside it."""


@dataclass(slots=True)
class Brought:
    """What became of the sources that were read.

    Attributes
    ----------
    added, superseded, passed_over, rejected, mended, replaced, n_partitions, rows_in, changes
        As of `ingest.IngestReport`.
    changed
        Files that changed while they were read.
    """

    added: list[str] = field(default_factory=list)
    superseded: list[str] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    rejected: Reasons = field(default_factory=dict)
    mended: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    replaced: dict[str, list[str]] = field(default_factory=dict)
    changed: list[Path] = field(default_factory=list)
    n_partitions: int = 0
    rows_in: int = 0
    changes: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Result:
    """One source that was read: None for one that only accompanies data; and what was written, if it was already."""

    parsed: Parsed | None
    written: list[Written] | None = None


def bring_in(
    todo: Mapping[Source, Format | None],
    sources: list[Source],
    bad: set[str],
    known: Known,
    layout: Layout,
    *,
    jobs: int,
    progress: Progress,
) -> Brought:
    """Read the sources of `todo` and publish what they give.

    Parameters
    ----------
    todo
        Sources that need reading, each with its format.
    sources
        All of this run, among which are earlier slices of the same reporter-years.
    bad
        Digests of those that are rejected; those rejected now are added.
    known
        The lake, and the options.
    layout, jobs, progress
        As for `ingest`.
    """
    done, turns = Brought(), _Turns()
    lake = Lake(layout, known.options, {source.sha256 for source in sources}, accept=known.accept)

    n_threads = min(jobs, _MOST_JOBS) + _AT_THE_DISK

    def read(source: Source) -> Parsed | None:
        return parse(source, known.options_for(source.sha256), layout, n_beside=min(n_threads, len(todo)))

    def bring(source: Source) -> _Result:
        """Read a source, and publish it in the same thread when it is one whole reporter-year, and its name says which."""
        parsed = read(source)
        if parsed is None or not parsed.form.is_complete or len(parsed.pending.partitions) > 1:
            return _Result(parsed)
        if from_name(source.name) is None:
            return _Result(parsed)
        return _Result(parsed, _publish_complete(parsed, lake, turns, map))

    def reject(source: Source, error: SourceError) -> None:
        bad.add(source.sha256)
        if isinstance(error, ChangedSourceError):
            done.changed.append(source.path)
        recipe = rejection_recipe(known.options_for(source.sha256))
        write_rejection(layout, error, source, recipe=recipe)
        done.rejected[source.name] = (error.message, error.hint)

    slices = Slices(lake, {source.sha256: source for source in sources}, bad, read)
    meter = _Meter(sum(source.size for source in todo))
    with ThreadPoolExecutor(n_threads) as pool:
        for source, outcome in chain.from_iterable(
            _bounded(pool, one, bring, ahead=n_threads, in_turn=from_name(one[0].name) is None)
            for one in _waves(todo)
        ):
            try:
                result = outcome()
                parsed = result.parsed
                meter.rows += sum(one["rows_in"] for one in parsed.records.values()) if parsed else 0
                if parsed is not None and (mended := next(iter(parsed.records.values()))["mended"]):
                    done.mended[source.name] = mended
                if parsed is None:
                    done.passed_over.append(source.name)
                elif parsed.form.is_complete:
                    _note(parsed, result.written or _publish_complete(parsed, lake, turns, pool.map), done)
                else:
                    slices.add(parsed)
            except SourceError as error:
                reject(source, error)
            meter.bytes_done += source.size
            progress("flows", meter.rows, meter.expected_rows())
        _publish_slices(slices, known, done, reject)
    done.replaced = {name: sorted(years) for name, years in sorted(lake.replaced.items())}
    done.changes = lake.changes
    return done


def _note(parsed: Parsed, written: list[Written], done: Brought) -> None:
    """Enter a complete source.

    Raises
    ------
    SmallerSourceError
        If there is a partition that it must not replace.
    """
    name, refused = parsed.source.name, [one for one in written if isinstance(one, SmallerSourceError)]
    done.n_partitions += sum(one is True for one in written)
    done.rows_in += sum(record["rows_in"] for record in parsed.records.values())
    if True in written:
        done.added.append(name)
    elif not refused:
        done.superseded.append(name)
    if refused:
        first, *others = refused
        more = f" (and {len(others)} more reporter-years)" if others else ""
        because = {place: sources for one in refused for place, sources in one.because.items()}
        raise SmallerSourceError(first.message + more, first.hint, because=because)


def _waves(todo: Mapping[Source, Format | None]) -> list[list[Source]]:
    """Sources that may be published in any order, one wave after the other: those of a publisher after those of another,
    the first to be named first, so that of two publishers of one reporter-year the first is kept; of each, what is called
    otherwise than a bulk file, which is to be published in turn; then a later publication of a reporter-year after the
    earlier ones. So what holds far less than an earlier one is refused whether they come together or in turn.

    Bulk files of a wave come largest first: no thread is left alone with a large file at the end.
    """
    waves: dict[tuple[str, int], list[Source]] = {}
    n_before: Counter[tuple[int, int]] = Counter()
    publisher = {source: form.publisher if form else "" for source, form in todo.items()}
    for source in sorted(todo, key=lambda one: version_of(named(one.name) | {"sha256": one.sha256})):
        known, wave = from_name(source.name), 0
        if known is not None:
            n_before[known.reporter_code, known.period] += 1
            wave = n_before[known.reporter_code, known.period]
        waves.setdefault((publisher[source], wave), []).append(source)
    publishers = list(publisher.values())
    in_order = sorted(waves, key=lambda key: (publishers.index(key[0]), key[1]))
    return [sorted(waves[key], key=lambda one: -one.size if key[1] else 0) for key in in_order]


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
    work: Callable[[Source], _Result],
    *,
    ahead: int,
    in_turn: bool,
) -> Iterator[tuple[Source, Callable[[], _Result]]]:
    """Results as they come, or in the order of the sources; never more than `ahead` sources under way or waiting: memory
    stays flat."""
    waiting = iter(sources)
    running: dict[Future[_Result], Source] = {}
    while True:
        for source in waiting:
            running[pool.submit(work, source)] = source
            if len(running) >= ahead:
                break
        if not running:
            return
        first = next(iter(running))
        for future in [first] if in_turn else wait(running, return_when=FIRST_COMPLETED).done:
            yield running.pop(future), future.result


class _Turns:
    """Lets as much be built at a time as memory is meant to hold."""

    def __init__(self) -> None:
        self._free, self._changed = _BUILT_FIELDS, Condition()

    @contextmanager
    def of(self, n_fields: int) -> Iterator[None]:
        """Wait until there is room for so many fields; they have it until the block ends."""
        taken = min(n_fields, _BUILT_FIELDS)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= taken)
            self._free -= taken
        try:
            yield
        finally:
            with self._changed:
                self._free += taken
                self._changed.notify_all()


def _publish_complete(parsed: Parsed, lake: Lake, turns: _Turns, spread: Spread) -> list[Written]:
    """Publish each partition of a source; False for one of which the lake holds a later publication."""
    partitions, pending = parsed.pending.partitions, parsed.pending
    lake.refuse_rivals(partitions, parsed.records[partitions[0]])

    def publish(partition: Partition) -> Written:
        with turns.of(pending.n_held(partition) * pending.n_columns):
            # No names for the rows: they are freed before the table is made and written.
            built = build(
                *(pending.take(partition, kind) for kind in ("kept", "parts", "others")),
                is_complete=True, has_world_rows=parsed.form.has_world_rows,
            )  # fmt: skip
            try:
                return lake.publish_complete(partition, built, parsed.records[partition])
            except SmallerSourceError as error:
                return error

    return list(spread(publish, partitions))


def _publish_slices(
    slices: Slices, known: Known, done: Brought, reject: Callable[[Source, SourceError], None]
) -> None:
    fresh = dict(slices.parsed)
    n_written, rejected = slices.publish(known)
    for sha, error in rejected.items():
        reject(slices.sources[sha], error)
    for sha, parsed in sorted(fresh.items(), key=lambda one: one[1].source.name):
        if sha not in rejected:
            done.added.append(parsed.source.name)
            done.rows_in += sum(record["rows_in"] for record in parsed.records.values())
    done.n_partitions += n_written
