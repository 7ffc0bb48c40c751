"""Rows of one source on their way from reading to building, by partition, in bounded memory."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from minsum.errors import ContradictionError
from minsum.flows.codes import ROW, RULES
from minsum.schema import FLOWS

if TYPE_CHECKING:
    from minsum_kernels.rows import JudgedRows

SPILL_ROWS: Final = 6_000_000
"""Rows of one source held in memory (26 bytes each, 44 with figures) before they go to disk."""

_FIRST_ROOM: Final = 1 << 21
_GROWTH: Final = 8
"""Room for rows of one partition, and how it grows. Memory is used as far as it is written; from a first room of
2**15, moving rows to larger ones took 2 % of ingest (throw-away timers)."""

MAX_PARTITION_ROWS: Final = 12_000_000
"""The largest real reporter-year has under two million rows; past this the input is not Comtrade's."""

MAX_PARTITIONS: Final = 20_000
"""All reporters of thirty years are some six thousand reporter-years."""


@dataclass(slots=True)
class Audit:
    """What the rules did to one source's rows of one partition: rows and USD per rule."""

    rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(RULES), dtype=np.int64))
    usd: NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(RULES)))

    def add(self, rule: NDArray[np.uint8], usd: NDArray[np.float64]) -> None:
        self.rows += np.bincount(rule, minlength=len(RULES))
        self.usd += np.bincount(rule, weights=usd, minlength=len(RULES))

    def as_json(self) -> dict[str, dict[str, float]]:
        """Rule name to rows and USD, for rules that met any row."""
        return {
            name: {"rows": int(count), "usd": float(usd)}
            for name, count, usd in zip(RULES, self.rows, self.usd, strict=True)
            if count
        }


class Pending:
    """Collects judged blocks; hands out each partition's rows in the order of the file.

    Parameters
    ----------
    folder
        Where rows go when memory is full; made on demand, emptied as partitions are taken.
    name
        Of the source, for error messages.
    wanted
        Reporters whose rows are kept; empty means all.
    dtype
        Of the rows.

    Attributes
    ----------
    audits
        By partition number, what the rules did.
    padded
        Product codes that got their leading zero back.
    rows_in
        Rows added, those of unwanted reporters included.
    in_memory
        Rows held in memory.
    """

    def __init__(
        self, folder: Path, name: str, *, wanted: frozenset[int] = frozenset(), dtype: np.dtype[Any] = ROW
    ) -> None:
        self.audits: dict[int, Audit] = defaultdict(Audit)
        self.padded = self.rows_in = self.in_memory = 0
        self._folder, self._name, self._wanted, self._dtype = folder, name, wanted, dtype
        self._held: dict[int, list[NDArray[np.void]]] = defaultdict(list)
        self._counts: dict[int, int] = defaultdict(int)
        self._tail: NDArray[np.void] = np.empty(_FIRST_ROOM, dtype=dtype)
        self._n_tail, self._tail_of = 0, -1

    @property
    def partitions(self) -> list[int]:
        """Partition numbers, ascending."""
        return sorted(self._counts)

    def room(self, n_rows: int) -> NDArray[np.void]:
        """Where to put the rows of the next block: those of one partition then stay where they are."""
        needed = self._n_tail + n_rows
        if needed > len(self._tail):
            grown = np.empty(max(_GROWTH * len(self._tail), needed), dtype=self._dtype)
            grown[: self._n_tail] = self._tail[: self._n_tail]
            self._tail = grown
        return self._tail[self._n_tail : needed]

    def add(self, judged: JudgedRows, *, mirrors_imports: bool) -> None:
        """Take one block, its rows in `room`; with `mirrors_imports`, each row is also its partner's import."""
        self.padded += judged.padded
        self.rows_in += judged.n
        if judged.is_lone:
            self._extend_tail(int(judged.partition[0]), judged)
        else:
            self._add_mixed(judged, mirrors_imports=mirrors_imports)
        if self.in_memory > SPILL_ROWS:
            self.spill()

    def _extend_tail(self, number: int, judged: JudgedRows) -> None:
        """Take a block of one partition."""
        if self._wanted and number % 10**7 not in self._wanted:
            return
        n_rows = len(judged.rows)
        if self._tail_of != number:
            self._settle()
            self._tail[:n_rows] = judged.rows
        self._tail_of = number
        self._n_tail += n_rows
        self.in_memory += n_rows
        audit = self.audits[number]
        audit.rows += judged.rows_by_rule
        audit.usd += judged.usd_by_rule
        self._count(number, n_rows, read=int(audit.rows.sum()))

    def _add_mixed(self, judged: JudgedRows, *, mirrors_imports: bool) -> None:
        self._settle()
        for number, chosen in self._wanted_groups(judged.partition):
            self.audits[number].add(judged.rule[chosen], judged.usd[chosen])
            self._count(number, 0, read=int(self.audits[number].rows.sum()))
        self._hold(judged.home, judged.rows)
        if mirrors_imports:
            reporter = judged.home % 10**7
            mirrored = judged.rows.copy()
            mirrored["flow"], mirrored["partner"] = FLOWS.index("M"), reporter
            self._hold(judged.home - reporter + judged.rows["partner"], mirrored)

    def finish(self) -> None:
        """No rows will follow: hold those there are in no more room than they need, for sources that wait for others."""
        self._settle()
        self._tail, self._tail_of = np.empty(0, dtype=self._dtype), -1

    def take(self, number: int) -> NDArray[np.void]:
        """All rows of a partition; they are held no longer."""
        parts = self._held.pop(number, [])
        if number == self._tail_of:
            parts.append(self._tail[: self._n_tail])
            self._tail, self._n_tail = np.empty(0, dtype=self._dtype), 0
        self.in_memory -= sum(map(len, parts))
        spilled = self._folder / str(number)
        if spilled.is_file():
            parts.insert(0, np.fromfile(spilled, dtype=self._dtype))
            spilled.unlink()
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else np.empty(0, dtype=self._dtype)

    def spill(self) -> None:
        """Move what is held from memory to disk."""
        self._settle()
        self._folder.mkdir(parents=True, exist_ok=True)
        for number, parts in self._held.items():
            with (self._folder / str(number)).open("ab") as file:
                np.concatenate(parts).tofile(file)
        self._held.clear()
        self.in_memory = 0

    def _settle(self) -> None:
        """Put the rows of one partition that came last with its others."""
        if self._n_tail:
            self._held[self._tail_of].append(self._tail[: self._n_tail].copy())
            self._n_tail = 0

    def _hold(self, partition: NDArray[np.int64], rows: NDArray[np.void]) -> None:
        for number, chosen in self._wanted_groups(partition):
            self._held[number].append(rows[chosen].copy() if isinstance(chosen, slice) else rows[chosen])
            self.in_memory += len(self._held[number][-1])
            self._count(number, len(self._held[number][-1]))

    def _count(self, number: int, n_rows: int, *, read: int = 0) -> None:
        self._counts[number] += n_rows
        if max(self._counts[number], read) > MAX_PARTITION_ROWS:
            raise ContradictionError(
                f"{self._name}: more than {MAX_PARTITION_ROWS:,} rows for one reporter and year",
                "the file repeats itself or is not annual Comtrade data",
            )
        if len(self._counts) > MAX_PARTITIONS:
            raise ContradictionError(
                f"{self._name}: more than {MAX_PARTITIONS:,} reporters and years in one file",
                "reporter or period hold something else; download it again",
            )

    def _wanted_groups(self, partition: NDArray[np.int64]) -> list[tuple[int, slice | NDArray[np.intp]]]:
        groups = _groups(partition)
        return [one for one in groups if one[0] % 10**7 in self._wanted] if self._wanted else groups


def _groups(partition: NDArray[np.int64]) -> list[tuple[int, slice | NDArray[np.intp]]]:
    """Each partition number with the rows that belong to it, in file order."""
    if not len(partition):
        return []
    if (partition == partition[0]).all():
        return [(int(partition[0]), slice(None))]
    order = np.argsort(partition, kind="stable")
    ordered = partition[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    return [
        (int(ordered[start]), order[start:stop])
        for start, stop in zip(starts, [*starts[1:], len(order)], strict=True)
    ]
