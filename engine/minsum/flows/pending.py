"""Rows of one source on their way from reading to building, by partition, in bounded memory."""

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
"""Rows of all sources that are read at a time held in memory (some 30 bytes each, twice that with figures) before they go to disk."""

MAX_PARTITION_ROWS: Final = 12_000_000
"""The largest real reporter-year has under two million rows; past this the input is not Comtrade's."""

MAX_PARTITIONS: Final = 20_000
"""All reporters of thirty years are some six thousand reporter-years."""


class Partition(NamedTuple):
    """One reporter-year of the lake in one classification; sorts as its folders do."""

    classification: str
    year: int
    reporter_code: int


KEYS: Final = Partition._fields
KINDS: Final = ("kept", "parts")
"""What is held of a reporter-year: rows that are kept, and parts of totals; and `others`: rows of other levels that may not
be contained in these."""


def lone_partition(frame: pl.DataFrame) -> Partition | None:
    """The partition that all rows belong to, if there is one."""
    columns = [frame[key] for key in KEYS]
    if all(column[0] is not None and (column == column[0]).all(ignore_nulls=False) for column in columns):
        return Partition(*(column[0] for column in columns))
    return None


class Pending:
    """Collects judged batches; hands out each partition's rows in the order of the file.

    Parameters
    ----------
    folder
        Where rows go when memory is full; made on demand, emptied as partitions are taken.
    name
        Of the source, for error messages.
    schema
        Columns of rows that are kept.
    wanted
        Reporters whose rows are kept; empty means all.
    only
        Reporter-years whose rows are kept; empty means all.
    n_beside
        Sources that are read at a time: rows of each have its part of the memory.

    Attributes
    ----------
    audits
        By partition, what the rules did.
    rows_in
        Rows added, those of unwanted reporters included.
    in_memory
        Rows held in memory.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        *,
        schema: Mapping[str, pl.DataType],
        wanted: frozenset[int] = frozenset(),
        only: frozenset[Partition] = frozenset(),
        n_beside: int = 1,
    ) -> None:
        self.audits: dict[Partition, Audit] = defaultdict(Audit)
        self.rows_in = self.in_memory = self._n_spills = 0
        self._folder, self._name, self._schema = folder, name, schema
        self._wanted, self._only, self._n_beside = wanted, only, n_beside
        self._with_products: set[Partition] = set()
        self._held: dict[tuple[Partition, str], list[pl.DataFrame]] = defaultdict(list)
        self._counts: dict[Partition, int] = defaultdict(int)

    @property
    def partitions(self) -> list[Partition]:
        """Those with rows read or held, ascending."""
        return sorted(self._counts)

    @property
    def n_columns(self) -> int:
        """Of rows that are kept."""
        return len(self._schema)

    def n_held(self, partition: Partition) -> int:
        """Rows of a partition that were held, wherever they are now."""
        return self._counts[partition]

    def audit(self, judged: pl.DataFrame, lone: Partition | None) -> None:
        """Count a batch: columns `rule`, `value_usd` and, if it is not of a lone partition, those of `KEYS`."""
        self.rows_in += len(judged)
        for partition, rows in self._wanted_of(judged, lone, "rule", "value_usd"):
            self.audits[partition].add(rows)
            self._count(partition, 0)

    def hold(self, kind: str, rows: pl.DataFrame, lone: Partition | None = None) -> None:
        """Keep rows until they are taken: `kept` ones or `parts` of totals; with the columns of `KEYS` as for `audit`."""
        for partition, chosen in self._wanted_of(
            rows, lone, *(one for one in rows.columns if one not in KEYS)
        ):
            self._held[partition, kind].append(_compact(chosen))
            if partition not in self._with_products and (chosen["product_code"] != TOTAL).any():
                self._with_products.add(partition)
            self.in_memory += len(chosen)
            self._count(partition, len(chosen))
        if self.in_memory * self._n_beside > SPILL_ROWS:
            self.spill()

    def _wanted_of(
        self, rows: pl.DataFrame, lone: Partition | None, *columns: str
    ) -> Iterator[tuple[Partition, pl.DataFrame]]:
        """Each partition that is wanted with its rows, in the order of the file."""
        if lone is not None:
            groups = [(lone, rows)] if len(rows) else []
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
        """Reporter-years of which no product is held, and the rule `level` removed some of so many digits."""
        return frozenset(
            partition
            for partition, audit in self.audits.items()
            if partition not in self._with_products and audit.rows[OF_LEVEL + digits]
        )

    def adopt(self, other: Pending, partitions: Collection[Partition]) -> None:
        """Hold what another holds of these reporter-years, and nothing else of them."""
        for partition in partitions:
            for kind in KINDS:
                self.take(partition, kind)
                if frames := [one for one in other.take(partition, kind) if len(one)]:
                    self.hold(kind, pl.concat(frames), partition)
            self.audits[partition] = other.audits[partition]

    def with_others(self, digits: int, *, is_complete: bool) -> frozenset[Partition]:
        """Reporter-years with products of which the rule `level` removed codes of so many digits; of complete files those
        alone where these have another sum."""
        return frozenset(
            partition
            for partition, audit in self.audits.items()
            if partition in self._with_products
            and audit.rows[OF_LEVEL + digits]
            and not (is_complete and audit.has_sums(digits))
        )

    def hold_others(
        self, other: Pending, partitions: Collection[Partition], *, flows: Collection[str]
    ) -> None:
        """Hold what another keeps of these reporter-years and flows as rows of other levels."""
        for partition in partitions:
            for frame in other.take(partition, "kept"):
                self.hold("others", frame.filter(pl.col("flow").is_in(list(flows))), partition)
            other.take(partition, "parts")

    def take(self, partition: Partition, kind: str) -> list[pl.DataFrame]:
        """Rows of a kind of a partition, in frames; they are held no longer."""
        frames = self.look(partition, kind)
        self.in_memory -= sum(map(len, self._held.pop((partition, kind), [])))
        if (folder := self._scratch(partition, kind)).is_dir():
            shutil.rmtree(folder)
        return frames

    def look(self, partition: Partition, kind: str) -> list[pl.DataFrame]:
        """The same rows, which stay."""
        folder = self._scratch(partition, kind)
        spilled = [_read(file) for file in sorted(folder.iterdir())] if folder.is_dir() else []
        frames = spilled + self._held.get((partition, kind), [])
        return frames if frames or kind != "kept" else [pl.DataFrame(schema=self._schema)]

    def spill(self) -> None:
        """Move what is held from memory to disk."""
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
    """Rows in memory of their own: a filter that keeps one run of rows gives a view, which keeps all of its batch."""
    return rows.select(pl.all().gather(pl.int_range(pl.len())))


def _read(file: Path) -> pl.DataFrame:
    with file.open("rb") as source:  # a path could be taken for a pattern
        return pl.read_ipc(source)
