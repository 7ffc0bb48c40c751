"""Makes the paper's three tables from the panel and the estimates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import polars as pl

from minsum.errors import MissingInputError
from minsum.report.growth import growth_table, where_exports
from minsum.report.regression import regression_tables
from minsum.report.table import Table
from minsum.schema import LABELS
from minsum.workspace.footers import read_footer
from minsum.workspace.layout import Layout

RECIPE: Final = "report-8"


def make_tables(
    layout: Layout, reporters: Sequence[str], estimates: Sequence[str], *, is_paper: bool = False
) -> list[Table]:
    """Tables 1 and 2 from the panel and, when there are estimates, Table 3.

    Parameters
    ----------
    layout
        The workspace.
    reporters
        Order of the countries in Table 1; empty means alphabetical.
    estimates
        Names of the specifications, the main one first.
    is_paper
        Whether the study replicates the paper; then Table 1 has a note on the printed table.

    Raises
    ------
    MissingInputError
        If there is no panel.
    """
    if not layout.panel.is_file():
        raise MissingInputError(f"{layout.panel}: no panel yet", "build it first: minsum panel")
    panel = pl.read_parquet(layout.panel, glob=False)
    footer = read_footer(layout.panel)
    options = footer["options"]
    tables = [
        growth_table(
            panel,
            reporters,
            options["reference"],
            is_paper=is_paper,
            elsewhere=where_exports(layout, [one for one in reporters if one not in set(panel["reporter"])]),
        ),
        descriptive_table(panel, notes=footer["remarks"]),
    ]
    for name in estimates:
        tables += regression_tables([layout.estimate(name)])
    return [_with_bloc(table, bloc_notes(layout)) for table in tables]


def bloc_notes(layout: Layout) -> list[str]:
    """Sentence that defines import_share; empty if the panel has no such variable."""
    remarks = read_footer(layout.panel)["remarks"] if layout.panel.is_file() else []
    return [note for note in remarks if note.startswith("import_share: imports from")]


def _with_bloc(table: Table, notes: Sequence[str]) -> Table:
    """Add the definition of import_share to the notes of a table that shows it."""
    first = table.frame[table.frame.columns[0]]
    shown = any("import_share" in str(one) for one in [*first, *table.frame.columns])
    new = [note for note in notes if shown and note not in table.notes]
    return replace(table, notes=(*table.notes, *new))


def descriptive_table(panel: pl.DataFrame, *, notes: Sequence[str] = ()) -> Table:
    """Sample size, mean, median, standard deviation, minimum and maximum of every variable."""
    rows = [
        {
            "variable": name,
            "n": len(values),
            "mean": values.mean(),
            "median": values.median(),
            "std_dev": values.std(),
            "min": values.min(),
            "max": values.max(),
        }
        for name in panel.columns
        if name not in ("reporter", "year")
        for values in [panel[name].drop_nulls()]
    ]
    headings = {"n": "sample size", "std_dev": "standard deviation"}
    schema = {"variable": pl.String, "n": pl.Int64} | dict.fromkeys(list(rows[0])[2:], pl.Float64)
    return Table(
        "table2",
        "Table 2. Descriptive statistics",
        pl.DataFrame(rows, schema),
        tuple(notes),
        headings,
        LABELS,
    )
