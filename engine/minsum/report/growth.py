"""Makes Table 1: similarity by country and year and its growth, for any countries, references and years."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NoReturn

import polars as pl

from minsum.countries.codes import is_group, iso3_of
from minsum.countries.names import comtrade_label
from minsum.countries.paper import PAPER_COUNTRIES
from minsum.countries.suggestions import check_country, reference_hint
from minsum.errors import MissingInputError, UsageError
from minsum.harmonise.islands import islands
from minsum.report.table import Table
from minsum.workspace.checksums import prove
from minsum.workspace.classifications import chosen_classification
from minsum.workspace.footers import read_footer
from minsum.workspace.layout import Layout, partition_key
from minsum.workspace.similarities import one_row_a_country, scan_similarities

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
    is_paper: bool = False,
) -> list[Table]:
    """Table 1 from `esi/`, one table for each reference.

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
        HS vintage; None means the only one available.
    is_paper
        Whether the study replicates the paper; then a note says where the printed table contradicts itself.

    Raises
    ------
    MissingInputError
        If there are no similarities of these countries and years.
    SettingsError
        If a reporter is not a country, or the classification is ambiguous or missing.
    UsageError
        If a reference is unknown.
    """
    references, reporters = ([comtrade_label(one) for one in given] for given in (references, reporters))
    for reporter in reporters:
        check_country(reporter, "reporter")
    chosen = chosen_classification(layout.esi, classification, setting="classification")
    files = [path for path in layout.yearly("esi") if path.parent.name == f"classification={chosen}"]
    prove(files)
    esi = scan_similarities(files)
    rows = esi.filter(pl.col("reference").is_in(references))
    for column, wanted in (("reporter", reporters), ("year", years)):
        if wanted:
            rows = rows.filter(pl.col(column).is_in(list(wanted)))
    kept, notes = one_row_a_country(rows)
    found = kept.collect()
    elsewhere = _elsewhere(layout, chosen, found, reporters=reporters)
    asked = _Asked(layout, chosen, tuple(reporters), (*notes, *elsewhere), is_paper=is_paper)
    return [_of_reference(found, esi, reference, asked) for reference in references]


@dataclass(frozen=True, slots=True)
class _Asked:
    """Arguments that all tables of one call share.

    Attributes
    ----------
    layout
        The workspace.
    classification
        HS vintage of the similarities.
    reporters
        Order of the rows; empty means alphabetical.
    notes
        About countries with two codes, and about countries that filed in another HS vintage.
    is_paper
        Whether notes on the paper's printed figures are wanted.
    """

    layout: Layout
    classification: str
    reporters: tuple[str, ...]
    notes: tuple[str, ...]
    is_paper: bool


def _of_reference(found: pl.DataFrame, esi: pl.LazyFrame, reference: str, asked: _Asked) -> Table:
    rows = found.filter(pl.col("reference") == reference)
    if rows.is_empty():
        _refuse(esi, reference, asked)
    absent = [one for one in asked.reporters if one not in set(rows.drop_nulls("esi")["reporter"])]
    table = growth_table(
        rows, asked.reporters, reference, name=f"growth_{reference}", is_paper=asked.is_paper,
        elsewhere=where_exports(asked.layout, absent),
    )  # fmt: skip
    title = f"Export similarity with {reference}, {asked.classification}"
    return replace(table, title=title, notes=(*table.notes, *asked.notes))


def _refuse(esi: pl.LazyFrame, reference: str, asked: _Asked) -> NoReturn:
    """Raise the error that says why a reference has no similarities."""
    known = esi.select(pl.col("reference").unique().sort()).collect()["reference"].to_list()
    where = where_exports(asked.layout, [reference, *asked.reporters])
    told = "; ".join(f"{label}: {text}" for label, text in where.items())
    if reference not in known and not where.get(reference, NOWHERE).startswith("exports"):
        hint = reference_hint(reference, [one for one in known if one.islower()])
        raise UsageError(f"no similarity with {reference!r} in the workspace", hint)
    raise MissingInputError(
        f"no similarity with {reference} of these countries and years in {asked.classification}",
        f"similarities need one HS vintage and year. {told}" if told else "see what is there: minsum status",
    )


_MIRRORED: Final = " (a mirror, from its partners' imports: in similarities only)"
NOWHERE: Final = "no exports in the workspace"


def where_exports(layout: Layout, labels: Sequence[str]) -> dict[str, str]:
    """HS vintages and years in which each country has exports, as `exports in H5 2022`; composites are left out.

    Mirrored years are marked: they have similarities, but no decomposition, markets or sections.
    """
    countries = [one for one in dict.fromkeys(labels) if not one.islower()]
    if not countries or not layout.coverage.is_file():
        return {}
    coverage = (
        pl.scan_parquet(layout.coverage, glob=False)
        .filter(pl.col("reporter").is_in(countries), pl.col("n_products") > 0)
        .group_by("reporter", "classification", is_mirror=pl.col("format") == "mirror")
        .agg(first=pl.col("year").min(), last=pl.col("year").max())
        .sort("reporter", "classification", "is_mirror")
        .collect()
    )
    found: dict[str, list[str]] = {}
    for reporter, kind, is_mirror, first, last in coverage.iter_rows():
        years = f"{kind} {first}" if first == last else f"{kind} {first}-{last}"
        found.setdefault(reporter, []).append(f"{years}{_MIRRORED if is_mirror else ''}")
    return {one: f"exports in {', '.join(found[one])}" if one in found else NOWHERE for one in countries}


def one_table(tables: Mapping[str, Table]) -> Table:
    """Join tables of several references; the first column is the reference, and years are those of any table."""
    frames = [
        table.frame.select(pl.lit(reference).alias("reference"), *table.frame.columns)
        for reference, table in tables.items()
    ]
    whole = pl.concat(frames, how="diagonal")
    years = sorted(set(whole.columns) - {"reference", "reporter", "growth"})
    notes = dict.fromkeys(
        note if note == GROWTH_NOTE or _is_shared(note, tables) else f"{reference}: {note}"
        for reference, table in tables.items()
        for note in table.notes
    )
    return Table(
        "growth", f"Export similarity with {', '.join(tables)}",
        whole.select("reference", "reporter", *years, "growth"), tuple(notes),
    )  # fmt: skip


def _is_shared(note: str, tables: Mapping[str, Table]) -> bool:
    return all(note in table.notes for table in tables.values())


def growth_table(
    values: pl.DataFrame,
    reporters: Sequence[str],
    reference: str,
    *,
    name: str = "table1",
    is_paper: bool = False,
    elsewhere: Mapping[str, str] | None = None,
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
    is_paper
        Whether to note where the paper's printed table contradicts itself.
    elsewhere
        Reporter without similarity to the reason, for the notes.
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
    absent = {one: (elsewhere or {}).get(one, "") for one in reporters if one not in there}
    notes = [GROWTH_NOTE, *_span_notes(frame, years), *_absence_notes(absent)]
    if is_paper and set(PAPER_COUNTRIES) <= set(order):
        notes.append(PAPER_NOTE)
    return Table(
        name, f"Table 1. Export similarity with {reference}", frame.drop("first", "last"), tuple(notes)
    )


def _elsewhere(
    layout: Layout, classification: str, found: pl.DataFrame, *, reporters: Sequence[str]
) -> list[str]:
    """Notes: reporter-years that are not in the table because they were filed in another HS vintage, and what to do.

    A wanted country that is in no year of the table is left out here: it has its own note.
    """
    footers = [read_footer(path) for path in layout.yearly("esi")]
    if any("harmonise" in footer["options"] for footer in footers):
        return []
    keys = [key for key in map(partition_key, layout.partitions()) if not is_group(key[2])]
    here = {(year, code) for kind, year, code in keys if kind == classification}
    years, wanted = set(found["year"]), set(reporters)
    missing = sorted(
        (iso3_of(code), year, kind)
        for kind, year, code in keys
        if year in years and (year, code) not in here and (not wanted or iso3_of(code) in wanted)
    )
    if not missing:
        return []
    absent = wanted - set(found["reporter"])
    named = {f"{label} {year}": f"exports in {kind}" for label, year, kind in missing if label not in absent}
    return [*_absence_notes(named, most=_NAMED), f"{islands(keys, groups=()).next_step()}."]


def _span_notes(frame: pl.DataFrame, years: Sequence[int]) -> list[str]:
    """Notes on countries whose growth covers other years than the table, and on countries with one year, without growth."""
    spans = list(frame.select("reporter", "first", "last").iter_rows())
    other = [f"{one} {first}-{last}" for one, first, last in spans
             if first < last and (first, last) != (years[0], years[-1])]  # fmt: skip
    alone = [f"{one} {first}" for one, first, last in spans if first == last]
    notes = {"growth over other years": other, "one year, no growth": alone if len(years) > 1 else []}
    return [f"{about}: {', '.join(named)}." for about, named in notes.items() if named]


def _absence_notes(absent: Mapping[str, str], *, most: int | None = None) -> list[str]:
    """Note on countries or country-years without similarity, with the reason."""
    named = [f"{one} ({why})" if why else one for one, why in absent.items()]
    more = f" and {len(named) - most} more" if most is not None and len(named) > most else ""
    return [f"no similarity: {', '.join(named[:most])}{more}."] if named else []
