"""Reads sources, several at a time, and publishes them in the lake."""

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
from minsum.flows.lake_index import LakeIndex, Reasons, record_of_name
from minsum.flows.parse import Parsed, parse
from minsum.flows.partial_files import PartialFiles
from minsum.flows.pending import Partition
from minsum.flows.recipe import rejection_recipe
from minsum.flows.repairs import build
from minsum.sources.files import Source
from minsum.sources.formats import Format
from minsum.sources.publications import from_name, version_of
from minsum.sources.rejections import write_rejection
from minsum.workspace.layout import Layout

Progress = Callable[[str, int, int], None]
"""Called with the stage, the number done and the number expected."""

Written = bool | SmallerSourceError
"""True if a partition was written, False if the lake holds a newer publication, or the error that forbids writing it."""

Map = Callable[[Callable[[Partition], Written], list[Partition]], Iterable[Written]]
"""`map` itself, or the `map` of a thread pool."""

_EXTRA_THREADS: Final = 1
"""Threads beyond `jobs`, because some threads wait for the disk (20 ms per published file)."""

_MAX_JOBS: Final = 6
"""Files read at a time, some 60 MiB each. This keeps ingest below 1 GiB."""

_MAX_FIELDS: Final = 4_000_000
"""Fields (rows times columns) of all reporter-years built at a time, some 35 bytes each. A larger reporter-year is
built alone."""


@dataclass(slots=True)
class Loaded:
    """Results of the sources that were read.

    Attributes
    ----------
    added, superseded, passed_over, rejected, repaired_texts, replaced, n_partitions, rows_in, changes
        As of `ingest.IngestReport`.
    changed
        Files that changed while they were read.
    """

    added: list[str] = field(default_factory=list)
    superseded: list[str] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    rejected: Reasons = field(default_factory=dict)
    repaired_texts: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    replaced: dict[str, list[str]] = field(default_factory=dict)
    changed: list[Path] = field(default_factory=list)
    n_partitions: int = 0
    rows_in: int = 0
    changes: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Result:
    """Result of reading one source.

    `parsed` is None for a file without wanted data; `written` is None if nothing was published yet.
    """

    parsed: Parsed | None
    written: list[Written] | None = None

    def rows_in(self) -> int:
        return sum(one["rows_in"] for one in self.parsed.records.values()) if self.parsed else 0


def load_sources(
    todo: Mapping[Source, Format | None],
    sources: list[Source],
    bad: set[str],
    index: LakeIndex,
    layout: Layout,
    *,
    jobs: int,
    progress: Progress,
) -> Loaded:
    """Read the sources of `todo` and publish their rows.

    Parameters
    ----------
    todo
        Sources that need reading, each with its format.
    sources
        All sources of this run, including earlier partial files of the same reporter-years.
    bad
        Digests of rejected sources; this function adds to it.
    index
        Index of the lake, with the options.
    layout, jobs, progress
        As for `ingest`.
    """
    by_digest = {source.sha256: source for source in sources}
    lake = Lake(layout, index.options, by_digest.keys(), accept=index.accept)
    n_threads = min(jobs, _MAX_JOBS) + _EXTRA_THREADS
    loader = _Loader(lake, bad, index, layout, n_sources=min(n_threads, len(todo)))
    partial_files = PartialFiles(lake, by_digest, bad, loader.read)
    estimate = _RowEstimate(sum(source.size for source in todo))
    with ThreadPoolExecutor(n_threads) as pool:
        for source, outcome in chain.from_iterable(
            _results_of(pool, one, loader.load, ahead=n_threads, in_turn=from_name(one[0].name) is None)
            for one in _publishing_order(todo)
        ):
            try:
                result = outcome()
                estimate.rows += result.rows_in()
                loader.publish(source, result, partial_files, pool.map)
            except SourceError as error:
                loader.reject(source, error)
            estimate.bytes_done += source.size
            progress("flows", estimate.rows, estimate.expected_rows())
        _publish_partial_files(partial_files, index, loader.done, loader.reject)
    done = loader.done
    done.replaced = {name: sorted(years) for name, years in sorted(lake.replaced.items())}
    done.changes = lake.changes
    return done


@dataclass(slots=True)
class _Loader:
    """Reads, publishes or rejects one source at a time; `load` runs in several threads."""

    lake: Lake
    bad: set[str]
    index: LakeIndex
    layout: Layout
    n_sources: int
    memory: _MemoryLimit = field(default_factory=lambda: _MemoryLimit())
    done: Loaded = field(default_factory=Loaded)

    def read(self, source: Source) -> Parsed | None:
        return parse(source, self.index.options_for(source.sha256), self.layout, n_sources=self.n_sources)

    def load(self, source: Source) -> _Result:
        """Read a source; publish it in the same thread if it is one complete reporter-year named in the file name."""
        parsed = self.read(source)
        if parsed is None or not parsed.form.is_complete or len(parsed.pending.partitions) > 1:
            return _Result(parsed)
        if from_name(source.name) is None:
            return _Result(parsed)
        return _Result(parsed, _publish_complete(parsed, self.lake, self.memory, map))

    def publish(self, source: Source, result: _Result, partial_files: PartialFiles, map_: Map) -> None:
        """Publish a source that was read, or add it to the partial files.

        Raises
        ------
        SourceError
            If the source must be rejected.
        """
        parsed = result.parsed
        if parsed is None:
            self.done.passed_over.append(source.name)
            return
        if repaired_texts := next(iter(parsed.records.values()))["mended"]:
            self.done.repaired_texts[source.name] = repaired_texts
        if parsed.form.is_complete:
            written = result.written or _publish_complete(parsed, self.lake, self.memory, map_)
            _note(parsed, written, self.done)
        else:
            partial_files.add(parsed)

    def reject(self, source: Source, error: SourceError) -> None:
        self.bad.add(source.sha256)
        if isinstance(error, ChangedSourceError):
            self.done.changed.append(source.path)
        recipe = rejection_recipe(self.index.options_for(source.sha256))
        write_rejection(self.layout, error, source, recipe=recipe)
        self.done.rejected[source.name] = (error.message, error.hint)


def _note(parsed: Parsed, written: list[Written], done: Loaded) -> None:
    """Add the results of a complete source.

    Raises
    ------
    SmallerSourceError
        If the source must not replace one of the partitions.
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


def _publishing_order(todo: Mapping[Source, Format | None]) -> list[list[Source]]:
    """Groups of sources, in the order in which they are published.

    Sources are grouped by publisher (first named first), so that of two publishers of a reporter-year the first
    stays. Within a publisher, other files come before bulk files; bulk files follow by publication date of their
    reporter-year. So a much smaller publication is refused whether it arrives with the earlier one or later.

    Bulk files of a group come largest first, so that no large file is left to one thread at the end. Other files are
    published in order of version.
    """
    waves: dict[tuple[str, int], list[Source]] = {}
    n_before: Counter[tuple[int, int]] = Counter()
    publisher = {source: form.publisher if form else "" for source, form in todo.items()}
    for source in sorted(todo, key=lambda one: version_of(record_of_name(one.name) | {"sha256": one.sha256})):
        publication, wave = from_name(source.name), 0
        if publication is not None:
            n_before[publication.reporter_code, publication.period] += 1
            wave = n_before[publication.reporter_code, publication.period]
        waves.setdefault((publisher[source], wave), []).append(source)
    publishers = list(publisher.values())
    in_order = sorted(waves, key=lambda key: (publishers.index(key[0]), key[1]))
    return [sorted(waves[key], key=lambda one: -one.size if key[1] else 0) for key in in_order]


@dataclass(slots=True)
class _RowEstimate:
    """Rows read so far, and the expected total at the same number of rows per byte."""

    bytes_all: int
    bytes_done: int = 0
    rows: int = 0

    def expected_rows(self) -> int:
        return round(self.rows * self.bytes_all / self.bytes_done) if self.bytes_done else 0


def _results_of(
    pool: ThreadPoolExecutor,
    sources: Iterable[Source],
    work: Callable[[Source], _Result],
    *,
    ahead: int,
    in_turn: bool,
) -> Iterator[tuple[Source, Callable[[], _Result]]]:
    """Results as they finish, or in the order of the sources.

    At most `ahead` sources are running or waiting, which bounds memory.
    """
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


class _MemoryLimit:
    """Limits how much is built at a time."""

    def __init__(self) -> None:
        self._free, self._changed = _MAX_FIELDS, Condition()

    @contextmanager
    def reserve(self, n_fields: int) -> Iterator[None]:
        """Wait until memory for `n_fields` is free, and hold it until the block ends."""
        taken = min(n_fields, _MAX_FIELDS)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= taken)
            self._free -= taken
        try:
            yield
        finally:
            with self._changed:
                self._free += taken
                self._changed.notify_all()


def _publish_complete(parsed: Parsed, lake: Lake, memory: _MemoryLimit, map_: Map) -> list[Written]:
    """Publish every partition of a source; False where the lake holds a newer publication."""
    partitions, pending = parsed.pending.partitions, parsed.pending
    lake.refuse_other_publishers(partitions, parsed.records[partitions[0]])

    def publish(partition: Partition) -> Written:
        with memory.reserve(pending.n_held(partition) * pending.n_columns):
            # No variable holds the rows, so that they are freed before the table is written.
            built = build(
                *(pending.take(partition, kind) for kind in ("kept", "parts", "others")),
                is_complete=True, has_world_rows=parsed.form.has_world_rows,
            )  # fmt: skip
            try:
                return lake.publish_complete(partition, built, parsed.records[partition])
            except SmallerSourceError as error:
                return error

    return list(map_(publish, partitions))


def _publish_partial_files(
    partial_files: PartialFiles, index: LakeIndex, done: Loaded, reject: Callable[[Source, SourceError], None]
) -> None:
    fresh = dict(partial_files.parsed)
    n_written, rejected = partial_files.publish(index)
    for sha, error in rejected.items():
        reject(partial_files.sources[sha], error)
    for sha, parsed in sorted(fresh.items(), key=lambda one: one[1].source.name):
        if sha not in rejected:
            done.added.append(parsed.source.name)
            done.rows_in += sum(record["rows_in"] for record in parsed.records.values())
    done.n_partitions += n_written
