"""Holds the rows of one source between reading and building, by partition, in bounded memory."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import polars as pl

from minsum.errors import ContradictionError
from minsum.flows.rules import OF_LEVEL, Audit
from minsum.flows.text_repairs import TOTAL

SPILL_ROWS: Final = 2_000_000
"""Rows held in memory for all sources together; more are moved to disk. Some 30 bytes a row, 60 with quantities."""

MAX_PARTITION_ROWS: Final = 12_000_000
"""Most rows of a reporter-year. The largest real one has under two million."""

MAX_PARTITIONS: Final = 20_000
"""Most reporter-years of a file. All reporters of thirty years are some six thousand."""


class Partition(NamedTuple):
    """One reporter-year of one classification; sorts as its folders do."""

    classification: str
    year: int
    reporter_code: int


KEYS: Final = Partition._fields
KINDS: Final = ("kept", "parts")
"""Kinds of held rows: kept rows, and parts of totals. A third kind, `others`, holds rows of other levels that the
products may not contain."""


def single_partition(frame: pl.DataFrame) -> Partition | None:
    """The partition of all rows; None if there are several."""
    columns = [frame[key] for key in KEYS]
    if all(column[0] is not None and (column == column[0]).all(ignore_nulls=False) for column in columns):
        return Partition(*(column[0] for column in columns))
    return None


class Pending:
    """Collects batches after the row rules; returns the rows of each partition in file order.

    Parameters
    ----------
    folder
        Scratch folder for rows beyond the memory limit; made on demand, emptied as partitions are taken.
    name
        Name of the source, for error messages.
    schema
        Columns of kept rows.
    wanted
        Reporter codes to keep; empty means all.
    only
        Reporter-years to keep; empty means all.
    n_sources
        Number of sources read at a time, which share the memory limit.

    Attributes
    ----------
    audits
        Audit of the row rules by partition.
    rows_in
        Number of rows read, including rows of unwanted reporters.
    in_memory
        Number of rows held in memory.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        *,
        schema: Mapping[str, pl.DataType],
        wanted: frozenset[int] = frozenset(),
        only: frozenset[Partition] = frozenset(),
        n_sources: int = 1,
    ) -> None:
        self.audits: dict[Partition, Audit] = defaultdict(Audit)
        self.rows_in = self.in_memory = self._n_spills = 0
        self._folder, self._name, self._schema = folder, name, schema
        self._wanted, self._only, self._n_beside = wanted, only, n_sources
        self._with_products: set[Partition] = set()
        self._held: dict[tuple[Partition, str], list[pl.DataFrame]] = defaultdict(list)
        self._counts: dict[Partition, int] = defaultdict(int)

    @property
    def partitions(self) -> list[Partition]:
        """Partitions with rows read or held, ascending."""
        return sorted(self._counts)

    @property
    def n_columns(self) -> int:
        """Number of columns of kept rows."""
        return len(self._schema)

    def n_held(self, partition: Partition) -> int:
        """Number of rows of a partition that were held, in memory or on disk."""
        return self._counts[partition]

    def audit(self, ruled: pl.DataFrame, single: Partition | None) -> None:
        """Count a batch with columns `rule`, `value_usd` and, unless `single` is given, those of `KEYS`."""
        self.rows_in += len(ruled)
        for partition, rows in self._wanted_of(ruled, single, "rule", "value_usd"):
            self.audits[partition].add(rows)
            self._count(partition, 0)

    def hold(self, kind: str, rows: pl.DataFrame, single: Partition | None = None) -> None:
        """Hold rows of a kind (`KINDS`) until they are taken; columns of `KEYS` as for `audit`."""
        for partition, chosen in self._wanted_of(
            rows, single, *(one for one in rows.columns if one not in KEYS)
        ):
            self._held[partition, kind].append(_compact(chosen))
            if partition not in self._with_products and (chosen["product_code"] != TOTAL).any():
                self._with_products.add(partition)
            self.in_memory += len(chosen)
            self._count(partition, len(chosen))
        if self.in_memory * self._n_beside > SPILL_ROWS:
            self.spill()

    def _wanted_of(
        self, rows: pl.DataFrame, single: Partition | None, *columns: str
    ) -> Iterator[tuple[Partition, pl.DataFrame]]:
        """Each wanted partition with its rows, in file order."""
        if single is not None:
            groups = [(single, rows)] if len(rows) else []
        else:
            found = rows.select(*KEYS, *columns).partition_by(
                KEYS, as_dict=True, maintain_order=True, include_key=False
            )
            groups = [(Partition(*key), group) for key, group in found.items()]
        return (
            one
            for one in groups
            if (not self._wanted or one[0].reporter_code in self._wanted)
            and (not self._only or one[0] in self._only)
        )

    def without_products(self, digits: int) -> frozenset[Partition]:
        """Reporter-years without kept products from which the rule `level` removed codes of `digits` digits."""
        return frozenset(
            partition
            for partition, audit in self.audits.items()
            if partition not in self._with_products and audit.rows[OF_LEVEL + digits]
        )

    def replace_with(self, other: Pending, partitions: Collection[Partition]) -> None:
        """Replace the rows and audits of these reporter-years with those of `other`."""
        for partition in partitions:
            for kind in KINDS:
                self.take(partition, kind)
                if frames := [one for one in other.take(partition, kind) if len(one)]:
                    self.hold(kind, pl.concat(frames), partition)
            self.audits[partition] = other.audits[partition]

    def with_other_levels(self, digits: int, *, is_complete: bool) -> frozenset[Partition]:
        """Reporter-years with products from which the rule `level` removed codes of `digits` digits.

        A reporter-year of a complete file is left out if these codes add up to its products.
        """
        return frozenset(
            partition
            for partition, audit in self.audits.items()
            if partition in self._with_products
            and audit.rows[OF_LEVEL + digits]
            and not (is_complete and audit.has_sums(digits))
        )

    def hold_other_levels(
        self, other: Pending, partitions: Collection[Partition], *, flows: Collection[str]
    ) -> None:
        """Hold the kept rows of `other`, for these reporter-years and flows, as rows of other levels."""
        for partition in partitions:
            for frame in other.take(partition, "kept"):
                self.hold("others", frame.filter(pl.col("flow").is_in(list(flows))), partition)
            other.take(partition, "parts")

    def take(self, partition: Partition, kind: str) -> list[pl.DataFrame]:
        """Return the rows of a kind of a partition, in frames, and stop holding them."""
        frames = self.peek(partition, kind)
        self.in_memory -= sum(map(len, self._held.pop((partition, kind), [])))
        if (folder := self._scratch(partition, kind)).is_dir():
            shutil.rmtree(folder)
        return frames

    def peek(self, partition: Partition, kind: str) -> list[pl.DataFrame]:
        """Return the rows of a kind of a partition and keep holding them."""
        folder = self._scratch(partition, kind)
        spilled = [_read(file) for file in sorted(folder.iterdir())] if folder.is_dir() else []
        frames = spilled + self._held.get((partition, kind), [])
        return frames if frames or kind != "kept" else [pl.DataFrame(schema=self._schema)]

    def spill(self) -> None:
        """Move held rows from memory to disk."""
        for (partition, kind), frames in self._held.items():
            file = self._scratch(partition, kind) / f"{self._n_spills:06}"
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("wb") as target:
                pl.concat(frames).write_ipc(target)
        self._held.clear()
        self._n_spills += 1
        self.in_memory = 0

    def _scratch(self, partition: Partition, kind: str) -> Path:
        return self._folder / "-".join([*map(str, partition), kind])

    def _count(self, partition: Partition, n_rows: int) -> None:
        self._counts[partition] += n_rows
        read = int(self.audits[partition].rows.sum()) if partition in self.audits else 0
        if max(self._counts[partition], read) > MAX_PARTITION_ROWS:
            raise ContradictionError(
                f"{self._name}: more than {MAX_PARTITION_ROWS:,} rows for one reporter and year",
                "the file repeats itself or is not annual Comtrade data",
            )
        if len(self._counts) > MAX_PARTITIONS:
            raise ContradictionError(
                f"{self._name}: more than {MAX_PARTITIONS:,} reporters and years in one file",
                "reporter or period hold something else; download it again",
            )


def _compact(rows: pl.DataFrame) -> pl.DataFrame:
    """Copy rows into memory of their own: a filter result may be a view, which keeps its whole batch in memory."""
    return rows.select(pl.all().gather(pl.int_range(pl.len())))


def _read(file: Path) -> pl.DataFrame:
    with file.open("rb") as source:  # Polars would read a path as a pattern
        return pl.read_ipc(source)
