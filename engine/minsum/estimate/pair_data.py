"""Reads all pairs of countries: their similarities, the variables of both countries, and those of the pair."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import polars as pl

from minsum.workspace.similarities import narrow, one_row_a_country

KEYS: Final = ("reporter", "reference", "year")
_SIDES: Final = ("reporter", "reference")
_MEASURES: Final = (
    "esi", "esi_width", "n_reporter", "n_reference", "n_common", "residual_reporter", "residual_reference",
)  # fmt: skip


def read_pairs(
    files: Sequence[Path],
    country_years: Path,
    *,
    reporters: Sequence[str] = (),
    years: Sequence[int] = (),
    max_width: float | None = None,
    pair_years: Path | None = None,
) -> tuple[pl.DataFrame, list[str]]:
    """Similarities of all pairs of countries with the variables of both, and those of the pair.

    Parameters
    ----------
    files
        esi files of one classification.
    country_years
        Variables of every country and year; they are joined twice, as `reporter.capital` and `reference.capital`.
    reporters, years, max_width
        The panel's sample, empty and None for all; every country stays a reference.
    pair_years
        Variables of pairs, such as distance; None for none.

    Returns
    -------
    Pairs, and notes on the rows left out. Columns of the pairs: reporter, reference (of one enumeration), year, esi,
    n_*, residual_*, esi_width if vintages were brought together, the variables of both countries, and those of the pair.
    One row for each reporter, reference and year, in the order of the files. Read in a stream.
    """
    esi = pl.scan_parquet(list(files), glob=False)
    pairs = esi.filter(pl.col("reference_code").is_not_null())
    for name, chosen in (("reporter", reporters), ("year", years)):
        if chosen:
            pairs = pairs.filter(pl.col(name).is_in(list(chosen)))
    pairs, notes = one_row_a_country(pairs)
    pairs, too_wide = narrow(pairs, max_width)
    there = pairs.collect_schema().names()
    pairs = pairs.select(*KEYS, *(name for name in _MEASURES if name in there))
    sides = pl.scan_parquet(country_years, glob=False)
    variables = [name for name in sides.collect_schema().names() if name not in ("reporter", "year")]
    for side in _SIDES:
        of_side = sides.select(
            pl.col("reporter").alias(side),
            "year",
            *(pl.col(name).alias(f"{side}.{name}") for name in variables),
        )
        pairs = pairs.join(of_side, on=[side, "year"], how="left", maintain_order="left")
    if pair_years is not None:
        pairs = _with_pair_variables(pairs, pl.read_parquet(pair_years, glob=False))
    labels = esi.select(pl.col("reporter").unique().sort()).collect().to_series()
    rows = pairs.with_columns(pl.col(_SIDES).cast(pl.Enum(labels))).collect(engine="streaming")
    return rows, [*notes, *too_wide]


def _with_pair_variables(pairs: pl.LazyFrame, found: pl.DataFrame) -> pl.LazyFrame:
    """The pairs with their variables; a value without a year holds for every year."""
    for keys, rows in (
        (_SIDES, found.filter(pl.col("year").is_null())),
        (KEYS, found.filter(pl.col("year").is_not_null())),
    ):
        names = [name for name in rows.columns if name not in KEYS and rows[name].null_count() < len(rows)]
        pairs = pairs.join(
            rows.select(*keys, *names).lazy(), on=list(keys), how="left", maintain_order="left"
        )
    return pairs
