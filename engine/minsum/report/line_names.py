"""Places the names of lines at their ends, so that none covers another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import polars as pl

LINE: Final = 15
"""Height of a name, pixels."""


def with_names(rows: pl.DataFrame, *, height: int) -> pl.DataFrame:
    """Rows of lines with the name of each series and its place, in its last row; a series that ended says when.

    Parameters
    ----------
    rows
        Year, esi, series and perhaps esi_high; ascending by year within each series.
    height
        Of the chart, pixels.

    Returns
    -------
    The rows with `end`, `end_year` and `end_esi`, null but in the last row of a series.
    """
    ends = rows.group_by("series", maintain_order=True).last()
    top = np.nanmax(rows.select(pl.col("^esi(_high)?$")).to_numpy())
    last = rows["year"].to_numpy().max()
    ended = pl.format("{} (to {})", "series", "year")
    names = ends.select(
        "series",
        "year",
        end=pl.when(pl.col("year") < last).then(ended).otherwise("series"),
        end_year=pl.lit(last),
        end_esi=pl.Series(spread(ends["esi"].to_list(), top * LINE / height)),
    )
    return rows.join(names, on=["series", "year"], how="left", maintain_order="left")


def spread(values: Sequence[float], gap: float) -> list[float]:
    """Heights of labels near these values, at least `gap` apart where there is room above 0; in the order given."""
    order = sorted(range(len(values)), key=lambda k: -values[k])
    heights = list(values)
    for above, here in pairwise(order):
        heights[here] = min(heights[here], heights[above] - gap)
    floor = 0.0
    for here in reversed(order):
        heights[here] = max(heights[here], floor)
        floor = heights[here] + gap
    return heights
