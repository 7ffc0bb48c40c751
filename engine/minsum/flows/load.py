"""Reads sources, several at a time, and publishes them in the lake."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

from minsum.errors import ChangedSourceError, SmallerSourceError, SourceError
from minsum.flows.lake import Lake, SourceRecord
from minsum.flows.lake_index import LakeIndex, Reasons
from minsum.flows.parse import Parsed, parse
from minsum.flows.partial_files import PartialFiles
from minsum.flows.pending import Partition
from minsum.flows.recipe import rejection_recipe
from minsum.flows.tasks import Group, Map, Result, Written, load_group, publish_complete, publishing_order
from minsum.sources.files import Source
from minsum.sources.formats import Format
from minsum.sources.rejections import write_rejection
from minsum.workspace.layout import Layout
from minsum.workspace.tasks import Workers, in_threads

Progress = Callable[[str, int, int], None]
"""Called with the stage, the number done and the number expected."""

_EXTRA_THREADS: Final = 1
"""Threads beyond `jobs`, because some threads wait for the disk (20 ms per published file)."""

_MAX_JOBS: Final = 6
"""Files read at a time, some 60 MiB each. This keeps ingest below 1 GiB."""


@dataclass(slots=True)
class Loaded:
    """Results of the sources that were read.

    Attributes
    ----------
    added, superseded, passed_over, rejected, repaired_texts, n_partitions, rows_in
        As of `ingest.IngestReport`.
    changed
        Files that changed while they were read.
    """

    added: list[str] = field(default_factory=list)
    superseded: list[str] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    rejected: Reasons = field(default_factory=dict)
    repaired_texts: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    changed: list[Path] = field(default_factory=list)
    n_partitions: int = 0
    rows_in: int = 0


def load_sources(
    todo: Mapping[Source, Format | None],
    sources: list[Source],
    bad: set[str],
    index: LakeIndex,
    layout: Layout,
    *,
    jobs: int,
    progress: Progress,
    workers: Workers | None = None,
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
    layout, jobs, progress, workers
        As for `ingest`.
    """
    by_digest = {source.sha256: source for source in sources}
    lake = Lake(layout, index.options, frozenset(by_digest), accept=index.accept)
    n_threads = min(jobs, _MAX_JOBS) + _EXTRA_THREADS
    n_sources = min(n_threads, len(todo))
    loader = _Loader(lake, bad, index, layout, n_sources)
    partial_files = PartialFiles(lake, by_digest, bad, loader.read)
    estimate = _RowEstimate(sum(source.size for source in todo))

    def add(group: Group, results: Sequence[Result]) -> None:
        for (source, _), result in zip(group.sources, results, strict=False):
            try:
                estimate.rows += result.rows_in()
                loader.publish(source, result, partial_files, pool.map)
            except SourceError as error:
                loader.reject(source, error)
            estimate.bytes_done += source.size
            progress("flows", estimate.rows, estimate.expected_rows())

    here = partial(load_group, options=index.options, n_sources=n_sources, lake=lake)
    with ThreadPoolExecutor(n_threads) as pool:
        for groups in publishing_order(todo, sources, index):
            is_named, left = groups[0].is_named, groups
            if workers is not None and is_named:
                left = []
                for group, results in _at_workers(workers, groups, index):
                    add(group, results)
                    if rest := group.sources[len(results) :]:
                        left.append(replace(group, sources=rest))
            for group, outcome in in_threads(pool, here, left, layout, ahead=n_threads, in_turn=not is_named):
                add(group, outcome())
        _publish_partial_files(partial_files, index, loader.done, loader.reject)
    return loader.done


def _at_workers(
    workers: Workers, groups: Sequence[Group], index: LakeIndex
) -> Iterator[tuple[Group, list[Result]]]:
    """Groups as workers finish them, with results up to the first source that they leave to the driver."""
    folders = {source.path.parent: source.path for group in groups for source, _ in group.sources}
    workers.refuse_unseen(path.absolute() for path in folders.values())
    run = partial(
        load_group,
        options=index.options,
        n_sources=workers.n_beside,
        accept=index.accept,
        driver_folder=Path.cwd(),
    )
    for group, outcome in workers.as_done(run, groups):
        yield group, outcome()


@dataclass(slots=True)
class _Loader:
    """Publishes or rejects one source at a time, in the driver's thread."""

    lake: Lake
    bad: set[str]
    index: LakeIndex
    layout: Layout
    n_sources: int
    done: Loaded = field(default_factory=Loaded)

    def read(self, source: Source) -> Parsed | None:
        return parse(source, self.index.options_for(source.sha256), self.layout, n_sources=self.n_sources)

    def publish(self, source: Source, result: Result, partial_files: PartialFiles, map_: Map) -> None:
        """Add the result of a source; publish it or add it to the partial files if that was left to this thread.

        Raises
        ------
        SourceError
            If the source must be rejected.
        """
        if result.error is not None:
            raise result.error
        if not result.records:
            self.done.passed_over.append(source.name)
            return
        if repaired_texts := next(iter(result.records.values()))["mended"]:
            self.done.repaired_texts[source.name] = repaired_texts
        if result.parsed is None:
            _note(source.name, result.records, result.written, self.done)
        elif result.parsed.form.is_complete:
            written = publish_complete(result.parsed, self.lake, map_)
            _note(source.name, result.records, written, self.done)
        else:
            partial_files.add(result.parsed)

    def reject(self, source: Source, error: SourceError) -> None:
        self.bad.add(source.sha256)
        if isinstance(error, ChangedSourceError):
            self.done.changed.append(source.path)
        recipe = rejection_recipe(self.index.options_for(source.sha256))
        write_rejection(self.layout, error, source, recipe=recipe)
        self.done.rejected[source.name] = (error.message, error.hint)


def _note(
    name: str, records: Mapping[Partition, SourceRecord], written: Sequence[Written], done: Loaded
) -> None:
    """Add the results of a complete source.

    Raises
    ------
    SmallerSourceError
        If the source must not replace one of the partitions.
    """
    refused = [one for one in written if isinstance(one, SmallerSourceError)]
    done.n_partitions += sum(one is True for one in written)
    done.rows_in += sum(record["rows_in"] for record in records.values())
    if True in written:
        done.added.append(name)
    elif not refused:
        done.superseded.append(name)
    if refused:
        first, *others = refused
        more = f" (and {len(others)} more reporter-years)" if others else ""
        because = {place: sources for one in refused for place, sources in one.because.items()}
        raise SmallerSourceError(first.message + more, first.hint, because=because)


@dataclass(slots=True)
class _RowEstimate:
    """Rows read so far, and the expected total at the same number of rows per byte."""

    bytes_all: int
    bytes_done: int = 0
    rows: int = 0

    def expected_rows(self) -> int:
        return round(self.rows * self.bytes_all / self.bytes_done) if self.bytes_done else 0


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
