"""The paper's three tables from the panel and the estimates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import polars as pl

from minsum.errors import MissingInputError
from minsum.report.growth import growth_table, where_exports
from minsum.report.regression import regression_tables
from minsum.report.render import render
from minsum.report.table import Table
from minsum.workspace import Layout, digest, footer_digest, publish_text, read_footer

RECIPE: Final = "report-6"


def make_tables(layout: Layout, reporters: Sequence[str], *, is_paper: bool = False) -> list[Table]:
    """Tables 1 and 2 from the panel and, when there are estimates, Table 3.

    Parameters
    ----------
    layout
        The workspace.
    reporters
        Order of the countries in Table 1; empty means alphabetical.
    is_paper
        Whether the study replicates the paper, whose Table 1 then gets a note.

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
    for estimates in _estimate_files(layout):
        tables += regression_tables(estimates)
    return [_with_bloc(table, bloc_notes(layout)) for table in tables]


def bloc_notes(layout: Layout) -> list[str]:
    """What import_share of the panel means: a sentence, or none where there is no such variable."""
    remarks = read_footer(layout.panel)["remarks"] if layout.panel.is_file() else []
    return [note for note in remarks if note.startswith("import_share: imports from")]


def _with_bloc(table: Table, notes: Sequence[str]) -> Table:
    """A table that shows import_share says of which countries, in a note."""
    first = table.frame[table.frame.columns[0]]
    shown = any("import_share" in str(one) for one in [*first, *table.frame.columns])
    new = [note for note in notes if shown and note not in table.notes]
    return replace(table, notes=(*table.notes, *new))


def _estimate_files(layout: Layout) -> list[Path]:
    """The main estimates first, then those of spec files by name."""
    return sorted(layout.estimates.glob("*.parquet"), key=lambda path: (path.stem != "main", path.stem))


def write_tables(layout: Layout, reporters: Sequence[str], *, is_paper: bool = False) -> bool:
    """Bring `report/table*` up to date, each as CSV, text, LaTeX and HTML; False when they were current."""
    estimates = [[path.stem, footer_digest(path)] for path in _estimate_files(layout)]
    made_of = [footer_digest(layout.panel), footer_digest(layout.coverage), estimates]
    mark = digest([RECIPE, list(reporters), is_paper, *made_of])
    stamp = layout.tables / ".digest"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == mark:
        return False
    for table in make_tables(layout, reporters, is_paper=is_paper):
        for suffix, text in render(table).items():
            publish_text(text, layout.tables / f"{table.name}.{suffix}", layout=layout)
    publish_text(mark, stamp, layout=layout)
    return True


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
        "table2", "Table 2. Descriptive statistics", pl.DataFrame(rows, schema), tuple(notes), headings
    )
