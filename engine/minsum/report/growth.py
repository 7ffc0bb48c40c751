"""Table 1: similarity by country and year, and how fast it grew, for any countries, references and years."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

import polars as pl

from minsum.classifications import chosen_classification
from minsum.countries import is_group, iso3_of
from minsum.country_hints import check_country, near_labels
from minsum.errors import MissingInputError, UsageError
from minsum.harmonise.islands import islands
from minsum.paper import PAPER_COUNTRIES
from minsum.report.table import Table
from minsum.workspace import Layout, partition_key, read_footer

GROWTH_NOTE: Final = "growth: (last - first) / (last year - first year), percentage points a year."
_NAMED: Final = 8
PAPER_NOTE: Final = (
    "The paper's Table 1 prints .02 for China where its own values give .2; its rates of Myanmar and Singapore do "
    "not follow from its values either. Here every rate follows from the values beside it."
)


def growth_tables(
    layout: Layout,
    references: Sequence[str],
    *,
    reporters: Sequence[str] = (),
    years: Collection[int] = (),
    classification: str | None = None,
) -> list[Table]:
    """Table 1 from the similarities themselves, one table a reference.

    Parameters
    ----------
    layout
        The workspace.
    references
        ISO3 labels or composites.
    reporters
        Order of the rows; empty means all, alphabetical.
    years
        Empty means all.
    classification
        HS vintage; None takes the only one there is.

    Raises
    ------
    MissingInputError
        If there are no similarities of these countries and years.
    SettingsError
        If a reporter is no country, or the classification is ambiguous or not there.
    UsageError
        If a reference is unknown.
    """
    for reporter in reporters:
        check_country(reporter, "reporter")
    vintage = chosen_classification(layout.esi, classification, setting="classification")
    esi = pl.scan_parquet(layout.esi / f"classification={vintage}" / "*.parquet", hive_partitioning=False)
    chosen = esi.select("reporter", "year", "esi", "reference").filter(pl.col("reference").is_in(references))
    for column, wanted in (("reporter", reporters), ("year", years)):
        if wanted:
            chosen = chosen.filter(pl.col(column).is_in(list(wanted)))
    found = chosen.collect()
    tables = [_of_reference(found, esi, reference, reporters) for reference in references]
    elsewhere = _elsewhere(layout, vintage, found, reporters=reporters)
    return [replace(table, notes=(*table.notes, *elsewhere)) for table in tables]


def _of_reference(found: pl.DataFrame, esi: pl.LazyFrame, reference: str, reporters: Sequence[str]) -> Table:
    rows = found.filter(pl.col("reference") == reference).drop("reference")
    if rows.is_empty():
        known = esi.select(pl.col("reference").unique().sort()).collect()["reference"].to_list()
        if reference not in known:
            composites = [one for one in known if one.islower()]
            near = [one for one in near_labels(reference) if one in known]
            meant = f"did you mean {' or '.join(near)}? " if near else ""
            raise UsageError(
                f"no similarity with {reference!r} in the workspace",
                f"{meant}ISO3 labels, or composites: {', '.join(composites) or 'none'}",
            )
        raise MissingInputError(
            f"no similarity with {reference} of these countries and years", "see what is there: minsum status"
        )
    return growth_table(rows, reporters, reference, name=f"growth_{reference}")


def growth_table(
    values: pl.DataFrame, reporters: Sequence[str], reference: str, *, name: str = "table1"
) -> Table:
    """Similarity by country and year, and its mean yearly change in percentage points.

    Parameters
    ----------
    values
        Columns reporter, year, esi.
    reporters
        Order of the rows; empty means alphabetical.
    reference
        Named in the title.
    name
        Of the table.
    """
    known = values.select("reporter", "year", "esi").drop_nulls("esi").sort("year")
    there = set(known["reporter"])
    order = [one for one in reporters if one in there] or sorted(there)
    span = pl.col("year").last() - pl.col("year").first()
    growth = known.group_by("reporter").agg(
        growth=(pl.col("esi").last() - pl.col("esi").first())
        / span.cast(pl.Float64).replace(0.0, None)
        * 100,
        first=pl.col("year").first(),
        last=pl.col("year").last(),
    )
    years = sorted(known["year"].unique())
    wide = known.pivot("year", index="reporter", values="esi").select("reporter", *map(str, years))
    frame = (
        pl.DataFrame({"reporter": order}, schema={"reporter": pl.String})
        .join(wide, on="reporter", how="left", maintain_order="left")
        .join(growth, on="reporter", how="left", maintain_order="left")
    )
    notes = [GROWTH_NOTE, *_span_notes(frame, years), *_absence_notes(reporters, there)]
    if set(PAPER_COUNTRIES) <= set(order):
        notes.append(PAPER_NOTE)
    return Table(
        name, f"Table 1. Export similarity with {reference}", frame.drop("first", "last"), tuple(notes)
    )


def _elsewhere(layout: Layout, vintage: str, found: pl.DataFrame, *, reporters: Sequence[str]) -> list[str]:
    """Reporter-years of the table's years that are not in it, since they were filed in another HS vintage."""
    footers = [read_footer(path) for path in layout.yearly("esi")]
    if any("harmonise" in footer["options"] for footer in footers):
        return []
    keys = [key for key in map(partition_key, layout.partitions()) if not is_group(key[2])]
    here = {(year, code) for kind, year, code in keys if kind == vintage}
    years, wanted = set(found["year"]), set(reporters)
    missing = sorted(
        {
            f"{iso3_of(code)} {year} ({kind})"
            for kind, year, code in keys
            if year in years and (year, code) not in here and (not wanted or iso3_of(code) in wanted)
        }
    )
    if not missing:
        return []
    named = ", ".join(missing[:_NAMED]) + (
        f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    )
    advice = islands(keys, groups=()).advice()
    return [f"filed in another HS vintage than {vintage} and not compared: {named}; {advice}."]


def _span_notes(frame: pl.DataFrame, years: Sequence[int]) -> list[str]:
    """Countries whose growth is over other years than the table's."""
    short = [
        f"{reporter} {first}-{last}"
        for reporter, first, last in frame.select("reporter", "first", "last").iter_rows()
        if (first, last) != (years[0], years[-1])
    ]
    return [f"growth over other years: {', '.join(short)}."] if short else []


def _absence_notes(reporters: Sequence[str], there: Collection[str]) -> list[str]:
    absent = [one for one in reporters if one not in there]
    return [f"no similarity: {', '.join(absent)}."] if absent else []
