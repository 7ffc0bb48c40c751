"""The paper's three tables from the panel and the estimates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from minsum.errors import MissingInputError
from minsum.workspace import Layout, digest, footer_digest, publish_text, read_footer

RECIPE: Final = "report-1"


@dataclass(frozen=True, slots=True)
class Table:
    """A table for people.

    Attributes
    ----------
    name, title
        File stem, and what it shows.
    frame
        The figures.
    notes
        What a reader must know to read them.
    """

    name: str
    title: str
    frame: pl.DataFrame
    notes: tuple[str, ...]


def make_tables(layout: Layout, reporters: Sequence[str]) -> list[Table]:
    """Tables 1 and 2 from the panel and, when there are estimates, Table 3.

    Parameters
    ----------
    layout
        The workspace.
    reporters
        Order of the countries in Table 1; empty means alphabetical.

    Raises
    ------
    MissingInputError
        If there is no panel.
    """
    if not layout.panel.is_file():
        raise MissingInputError(f"{layout.panel}: no panel yet", "build it first: minsum panel")
    panel = pl.read_parquet(layout.panel)
    options = read_footer(layout.panel)["options"]
    tables = [growth_table(panel, reporters, options["reference"]), descriptive_table(panel)]
    estimates = layout.estimates / "main.parquet"
    if estimates.is_file():
        footer = read_footer(estimates)
        notes = [f"{model}: {footer['models'][model]}." for model in footer["options"]["estimators"]]
        for name, rows in footer["dropped"].items():
            notes.append(
                f"{sum(rows.values())} rows without {name} are left out ({', '.join(sorted(rows))})."
            )
        tables.append(regression_table(pl.read_parquet(estimates), notes))
    return tables


def write_tables(layout: Layout, reporters: Sequence[str]) -> bool:
    """Bring `report/table*.csv` up to date; False when they were current."""
    mark = digest(
        [
            RECIPE,
            list(reporters),
            footer_digest(layout.panel),
            footer_digest(layout.estimates / "main.parquet"),
        ]
    )
    stamp = layout.tables / ".digest"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == mark:
        return False
    for table in make_tables(layout, reporters):
        publish_text(table.frame.write_csv(), layout.tables / f"{table.name}.csv", layout=layout)
    publish_text(mark, stamp, layout=layout)
    return True


def growth_table(panel: pl.DataFrame, reporters: Sequence[str], reference: str) -> Table:
    """ESI by country and year, and its mean yearly change in percentage points.

    Parameters
    ----------
    panel
        Columns reporter, year, esi.
    reporters
        Order of the rows; empty means alphabetical.
    reference
        Named in the title.
    """
    order = [one for one in reporters if one in set(panel["reporter"])] or sorted(panel["reporter"].unique())
    known = panel.drop_nulls("esi").sort("year")
    growth = known.group_by("reporter").agg(
        growth=(pl.col("esi").last() - pl.col("esi").first())
        / (pl.col("year").last() - pl.col("year").first()).cast(pl.Float64).replace(0.0, None)
        * 100
    )
    years = [str(year) for year in sorted(known["year"].unique())]
    wide = known.pivot("year", index="reporter", values="esi").select("reporter", *years)
    frame = (
        pl.DataFrame({"reporter": order})
        .join(wide, on="reporter", how="left")
        .join(growth, on="reporter", how="left")
    )
    return Table(
        "table1",
        f"Table 1. Export similarity with {reference}",
        frame,
        ("growth: (last - first) / (last year - first year), percentage points a year.",),
    )


def descriptive_table(panel: pl.DataFrame) -> Table:
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
    return Table("table2", "Table 2. Descriptive statistics", pl.DataFrame(rows), ())


def regression_table(estimates: pl.DataFrame, notes: Sequence[str]) -> Table:
    """Coefficients with their statistics in brackets, one column for each model."""
    models = estimates["model"].unique(maintain_order=True).to_list()
    fe_terms = estimates.filter(pl.col("model") == models[0])["term"].to_list()
    terms = [term for term in fe_terms if term != "const"] + ["const"]
    cells = {
        (row["model"], row["term"]): (f"{row['coefficient']:.3f}{row['stars']}", f"({row['statistic']:.2f})")
        for row in estimates.iter_rows(named=True)
    }
    rows = []
    for term in terms:
        for line, label in enumerate((term, "")):
            rows.append({"term": label} | {model: cells[model, term][line] for model in models})
    first = {model: estimates.filter(pl.col("model") == model).row(0, named=True) for model in models}
    for label, column in (("observations", "n_obs"), ("countries", "n_entities")):
        rows.append({"term": label} | {model: str(first[model][column]) for model in models})
    fits = {model: first[model]["r_squared"] for model in models}
    rows.append(
        {"term": "r_squared"} | {model: "" if fit is None else f"{fit:.3f}" for model, fit in fits.items()}
    )
    return Table(
        "table3",
        "Table 3. Regressions",
        pl.DataFrame(rows),
        ("In brackets: t (FE) or z (RE, FGLS) statistics. *** 1 %, ** 5 %, * 10 %.", *notes),
    )
