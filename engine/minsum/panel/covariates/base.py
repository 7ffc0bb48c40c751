"""Declaration of a covariate format, and functions that formats share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from minsum.panel.covariates.columns import folded
from minsum.panel.covariates.grid import Grid, collect

CELLS = ("line", "column", "country", "code", "indicator", "year", "value")
"""Columns of the cells that a format reads: place in the file, country, indicator, year and value. All are text except
`line`; `code` is null where the file has no code."""


@dataclass(frozen=True, slots=True)
class CovariateFormat:
    """How to recognise one kind of covariate file and read its values.

    Attributes
    ----------
    name
        Stable identifier, stored in footers.
    title
        Description for messages.
    header
        Function of the grid: position of the header among the first rows; None when the grid has another format.
    indicators
        Function of the grid and the header position: all indicators of the table.
    cells
        Function of the grid, the header position and the wanted indicators: their values, with columns `CELLS`.
    keeps_all
        Whether every indicator becomes a variable under its own name, wanted or not.
    notes
        Function of the grid and the header position: notes for readers, one sentence each.
    companions
        First two column names of metadata files that accompany the data; such files are skipped.
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
    """The column whose folded name is the first match among `names`, as the file writes it."""
    by_name = {folded(name): name for name in row}
    return next((by_name[name] for name in names if name in by_name), None)


def find_row(grid: Grid, fits: Callable[[tuple[str, ...]], bool]) -> int | None:
    """Position of the first head row that fits."""
    return next((position for position, row in enumerate(grid.head) if fits(row)), None)


def distinct(rows: pl.LazyFrame, column: str, *, name: str) -> list[str]:
    """Distinct values of a text column, sorted."""
    found = collect(rows.select(pl.col(column).drop_nulls().unique().sort()), name)
    return found.to_series().to_list()
