"""The largest changes of the index in a year that was computed before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import polars as pl

MOST_MOVES: Final = 20
"""Moves kept of a year, and of a run."""

_NOISE: Final = 1e-12

Move = dict[str, Any]
"""Keys classification, year, reporter, reference, before, after."""


def read_indices(path: Path) -> pl.DataFrame | None:
    """Index of each pair (once) and of each country with each composite; None if the file does not exist."""
    import polars as pl

    if not path.is_file():
        return None
    is_once = pl.col("reference_code").is_null() | (pl.col("reporter") < pl.col("reference"))
    rows = pl.read_parquet(
        path, columns=["reporter", "reference", "reference_code", "esi"], hive_partitioning=False, glob=False
    )
    return rows.filter(is_once).select("reporter", "reference", "esi")


def largest_moves(before: pl.DataFrame, after: pl.DataFrame, *, classification: str, year: int) -> list[Move]:
    """The largest differences between two tables, largest first; only pairs that are in both."""
    import polars as pl

    both = before.join(after, on=["reporter", "reference"], suffix="_after").select(
        "reporter", "reference", before="esi", after="esi_after"
    )
    size = (pl.col("after") - pl.col("before")).abs()
    moved = both.filter(size > _NOISE).sort(size, "reporter", "reference", descending=[True, False, False])
    key = {"classification": classification, "year": year}
    return [key | row for row in moved.head(MOST_MOVES).iter_rows(named=True)]


def merged(moves: list[Move]) -> list[Move]:
    """The largest changes of several years."""
    return sorted(moves, key=lambda one: -abs(one["after"] - one["before"]))[:MOST_MOVES]
