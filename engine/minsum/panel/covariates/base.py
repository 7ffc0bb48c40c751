"""What a covariate format declares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from minsum.panel.covariates.columns import folded
from minsum.panel.covariates.grid import Grid, collect

CELLS = ("line", "column", "country", "code", "indicator", "year", "value")
"""Columns of what a format reads: where a value stands, whose it is, and what the file writes. All text but
`line`; `code` is null where the file has none."""


@dataclass(frozen=True, slots=True)
class CovariateFormat:
    """How to recognise one kind of covariate file and read its values.

    Attributes
    ----------
    name
        Stable identifier, stored in footers.
    title
        For people.
    header
        Position of the header among the first rows, or None when the grid is of another format.
    indicators
        Every indicator that the table at a header gives.
    cells
        Values of the wanted indicators: given the grid, the position of the header and the names, columns
        `CELLS`.
    keeps_all
        Whether every indicator becomes a variable under its own name, wanted or not.
    notes
        What a reader of the table should know, a sentence each: given the grid and the position of the header.
    companions
        First two names of files that ship beside the data and are passed over.
    """

    name: str
    title: str
    header: Callable[[Grid], int | None]
    indicators: Callable[[Grid, int], list[str]]
    cells: Callable[[Grid, int, frozenset[str]], pl.LazyFrame]
    keeps_all: bool = False
    notes: Callable[[Grid, int], list[str]] | None = None
    companions: tuple[tuple[str, str], ...] = ()


def pick(row: tuple[str, ...], names: tuple[str, ...]) -> str | None:
    """The column, as the file writes it, that bears the first of these folded names that is there."""
    by_name = {folded(name): name for name in row}
    return next((by_name[name] for name in names if name in by_name), None)


def find_row(grid: Grid, fits: Callable[[tuple[str, ...]], bool]) -> int | None:
    """Position of the first head row that fits."""
    return next((position for position, row in enumerate(grid.head) if fits(row)), None)


def distinct(rows: pl.LazyFrame, column: str, *, name: str) -> list[str]:
    """Different values of a text column, sorted."""
    found = collect(rows.select(pl.col(column).drop_nulls().unique().sort()), name)
    return found.to_series().to_list()
