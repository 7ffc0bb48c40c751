"""Similarities of one classification as arrays: half a matrix for each year, and the composites."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from minsum.workspace.layout import Layout
from minsum.workspace.similarities import ENDS, one_row_a_country, scan_similarities

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measure:
    """One quantity for every pair and year; NaN where missing.

    Attributes
    ----------
    pairs
        Shape (n_years, n_countries * (n_countries - 1) / 2); countries i > j stand at i * (i - 1) / 2 + j.
    with_composites
        Shape (n_years, n_countries, n_composites).
    """

    pairs: F64
    with_composites: F64


@dataclass(frozen=True, slots=True)
class Cube:
    """Similarities of one classification.

    Attributes
    ----------
    classification
        HS vintage.
    years, countries, composites
        Ascending.
    reporters
        Countries whose similarity was computed; the other countries are references only.
    esi
        The similarities.
    ends
        Lowest and highest value of each similarity, when harmonised.
    """

    classification: str
    years: list[int]
    countries: list[str]
    composites: list[str]
    reporters: list[str]
    esi: Measure
    ends: tuple[Measure, Measure] | None = None

    def of(self, reference: str, measure: Measure | None = None) -> F64:
        """Similarities, or another measure, of all countries with one reference, shape (n_years, n_countries)."""
        values = measure or self.esi
        if reference in self.composites:
            return values.with_composites[:, :, self.composites.index(reference)]
        if not values.pairs.shape[1]:
            return np.full((len(self.years), len(self.countries)), np.nan)
        other = self.countries.index(reference)
        mine = np.arange(len(self.countries))
        high, low = np.maximum(mine, other), np.minimum(mine, other)
        place = np.where(mine == other, 0, high * (high - 1) // 2 + low)
        return np.where(mine == other, np.nan, values.pairs[:, place])


def read_cubes(layout: Layout) -> list[Cube]:
    """A cube for each classification that has similarities."""
    by_classification: dict[str, list[Path]] = {}
    for path in layout.yearly("esi"):
        by_classification.setdefault(path.parent.name.partition("=")[2], []).append(path)
    cubes = []
    for classification, files in by_classification.items():
        esi = one_row_a_country(scan_similarities(files))[0].collect()
        if esi["esi"].count():
            cubes.append(_cube(classification, esi))
    return cubes


def _cube(classification: str, esi: pl.DataFrame) -> Cube:
    is_composite = pl.col("reference_code").is_null()
    years = esi["year"].unique().sort().to_list()
    composites = esi.filter(is_composite)["reference"].unique().sort().to_list()
    reporters = esi["reporter"].unique().sort().to_list()
    countries = sorted({*reporters, *esi.filter(~is_composite)["reference"].unique()})
    n, measures = len(countries), [name for name in ("esi", *ENDS) if name in esi.columns]
    placed = esi.select(
        *measures,
        is_composite.alias("is_composite"),
        year=_place("year", years),
        row=_place("reporter", countries),
        column=_place("reference", [*countries, *composites]),
    ).drop_nulls("esi")
    two, many = placed.filter(~pl.col("is_composite")), placed.filter("is_composite")
    high, low = (
        two.select(one("row", "column")).to_series() for one in (pl.max_horizontal, pl.min_horizontal)
    )

    def measure(name: str) -> Measure:
        pairs = np.full((len(years), n * (n - 1) // 2), np.nan)
        pairs[two["year"], high * (high - 1) // 2 + low] = two[name]
        with_composites = np.full((len(years), n, len(composites)), np.nan)
        with_composites[many["year"], many["row"], many["column"] - n] = many[name]
        return Measure(pairs, with_composites)

    values, *ends = map(measure, measures)
    return Cube(
        classification, years, countries, composites, reporters, values, (ends[0], ends[1]) if ends else None
    )


def _place(column: str, values: list[int] | list[str]) -> pl.Expr:
    return pl.col(column).replace_strict(values, list(range(len(values))), return_dtype=pl.Int64)
