"""The tasks of ingest: which sources are read one after the other, and how a thread or a worker does it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Condition
from typing import Final

from minsum.errors import SmallerSourceError, SourceError
from minsum.flows.lake import Lake, SourceRecord
from minsum.flows.lake_index import LakeIndex, record_of_name
from minsum.flows.parse import Parsed, parse
from minsum.flows.pending import Partition
from minsum.flows.repairs import build
from minsum.settings.flows import Ingest
from minsum.sources.files import Source
from minsum.sources.formats import Format
from minsum.sources.publications import from_name, version_of
from minsum.workspace.layout import Layout

Written = bool | SmallerSourceError
"""True if a partition was written, False if the lake holds a newer publication, or the error that forbids writing it."""

Map = Callable[[Callable[[Partition], Written], list[Partition]], Iterable[Written]]
"""`map` itself, or the `map` of a thread pool."""


@dataclass(frozen=True, slots=True)
class Group:
    """A task: publications of one reporter-year according to their names, or one file with another name.

    Attributes
    ----------
    sources
        In order of reading, earlier publications first; each with the options to read it with.
    at_hand
        Digests of the sources of this run that the lake may hold of the reporter-year.
    is_named
        Whether the names give the reporter-year: no task beside this one reads or writes it.
    """

    sources: tuple[tuple[Source, Ingest], ...]
    at_hand: frozenset[str]
    is_named: bool

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(source.size for source, _ in self.sources)


@dataclass(frozen=True, slots=True)
class Result:
    """Result of reading one source.

    Attributes
    ----------
    records
        As of `Parsed`; empty for a file without wanted data.
    written
        What became of its partitions, unless `parsed` holds them still.
    parsed
        The source, if nothing was published yet.
    error
        Why it must be rejected.
    """

    records: Mapping[Partition, SourceRecord] = field(default_factory=dict)
    written: Sequence[Written] = ()
    parsed: Parsed | None = None
    error: SourceError | None = None

    def rows_in(self) -> int:
        """Rows read."""
        return sum(one["rows_in"] for one in self.records.values())


def publishing_order(
    todo: Mapping[Source, Format | None], sources: Iterable[Source], index: LakeIndex
) -> list[list[Group]]:
    """Lists of groups, in the order in which they are published.

    Lists are by publisher (first named first), so that of two publishers of a reporter-year the first stays. Within a
    publisher, other files come before bulk files. A group holds all bulk files of a reporter-year by publication date, so a
    much smaller publication is refused whether it arrives with the earlier one or later.

    Groups of bulk files come largest first, so that no large file is left to one thread at the end. Other files are
    published in order of version.
    """
    at_hand: dict[tuple[int, int] | None, set[str]] = {None: set()}
    for source in sources:
        at_hand.setdefault(_reporter_year(source), set()).add(source.sha256)
    found: dict[tuple[str, bool], dict[tuple[int, int] | Source, list[Source]]] = {}
    publisher = {source: form.publisher if form else "" for source, form in todo.items()}
    for source in sorted(todo, key=lambda one: version_of(record_of_name(one.name) | {"sha256": one.sha256})):
        of = _reporter_year(source)
        found.setdefault((publisher[source], of is not None), {}).setdefault(of or source, []).append(source)
    publishers = list(publisher.values())
    in_order = []
    for key in sorted(found, key=lambda key: (publishers.index(key[0]), key[1])):
        groups = [
            Group(
                tuple((source, index.options_for(source.sha256)) for source in group),
                frozenset(at_hand[None] | at_hand[of]) if isinstance(of, tuple) else frozenset(),
                is_named=key[1],
            )
            for of, group in found[key].items()
        ]
        in_order.append(sorted(groups, key=lambda group: -group.size) if key[1] else groups)
    return in_order


def _reporter_year(source: Source) -> tuple[int, int] | None:
    """Reporter code and period of a bulk file, from its name."""
    publication = from_name(source.name)
    return None if publication is None else (publication.reporter_code, publication.period)


def load_group(
    group: Group,
    layout: Layout,
    *,
    options: Ingest,
    n_sources: int,
    lake: Lake | None = None,
    accept: bool = False,
    driver_folder: Path = Path(),
) -> list[Result]:
    """Read the sources of a group; publish those that are complete and named.

    On a worker there is no `lake` of the driver, and relative paths begin in `driver_folder`. A worker stops at a file that
    it does not see or that is a partial file, and leaves it and the rest of the group to the driver.
    """
    is_away = lake is None
    lake = lake or Lake(layout, options, group.at_hand, accept=accept)
    is_whole = is_away or len(group.sources) > 1  # otherwise the driver spreads partitions over its threads
    results: list[Result] = []
    for source, asked in group.sources:
        there = replace(source, path=driver_folder / source.path)
        if is_away and not there.path.is_file():
            break
        try:
            parsed = parse(there, asked, layout, n_sources=n_sources)
            if parsed is None:
                results.append(Result())
            elif parsed.form.is_complete and group.is_named and (is_whole or len(parsed.records) == 1):
                results.append(Result(parsed.records, publish_complete(parsed, lake, map)))
            elif is_away:
                break
            else:
                results.append(Result(parsed.records, parsed=parsed))
        except SourceError as error:
            results.append(Result(error=error))
    return results


class _MemoryLimit:
    """Limits how much is built at a time."""

    def __init__(self, n_fields: int) -> None:
        self._all = self._free = n_fields
        self._changed = Condition()

    @contextmanager
    def reserve(self, n_fields: int) -> Iterator[None]:
        """Wait until memory for `n_fields` is free, and hold it until the block ends."""
        taken = min(n_fields, self._all)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= taken)
            self._free -= taken
        try:
            yield
        finally:
            with self._changed:
                self._free += taken
                self._changed.notify_all()


_MEMORY: Final = _MemoryLimit(4_000_000)
"""Of this process: fields (rows times columns) of all reporter-years built at a time, some 35 bytes each. A larger
reporter-year is built alone."""


def publish_complete(parsed: Parsed, lake: Lake, map_: Map) -> list[Written]:
    """Publish every partition of a source; False where the lake holds a newer publication."""
    partitions, pending = parsed.pending.partitions, parsed.pending
    lake.refuse_other_publishers(partitions, parsed.records[partitions[0]])

    def publish(partition: Partition) -> Written:
        with _MEMORY.reserve(pending.n_held(partition) * pending.n_columns):
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
