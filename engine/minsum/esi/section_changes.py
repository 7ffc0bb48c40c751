"""Contributions of sections, chapters or products to a similarity by year, and their changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from minsum.errors import UsageError
from minsum.esi.bands import F64, Method, band
from minsum.esi.sections import By, Segment
from minsum.text_tables import Shown


@dataclass(frozen=True, slots=True, repr=False)
class Decomposition(Shown):
    """Contributions of segments to the similarity of one country with one reference.

    Attributes
    ----------
    reporter, reference, classification
        ISO3 label, ISO3 label or composite, HS vintage.
    by
        Kind of segment.
    years
        Ascending.
    segments
        Sections, chapters or products that either side trades in any year.
    contributions
        Shape (n_years, n_segments), unit 1; each row sums to the similarity of its year.
    draws
        Contributions in every draw, shape (n_draws, n_years, n_segments); None without bands.
    method
        How the bands were made.
    left_out
        Year to the labels without data in it.
    """

    reporter: str
    reference: str
    classification: str
    by: By
    years: list[int]
    segments: list[Segment]
    contributions: F64
    draws: F64 | None
    method: Method | None
    left_out: dict[int, list[str]]

    def _shown(self) -> Iterator[str | pl.DataFrame]:
        yield f"Similarity of {self.reporter} and {self.reference}, {self.classification}"
        yield self.totals()
        parts = self.change() if len(self.years) > 1 else self.by_segment()
        yield f"Contributions by {self.by}"
        yield self.largest_first(parts) if self.by == "product" else parts

    def totals(self) -> pl.DataFrame:
        """Similarity by year: year, esi, and with bands low and high."""
        totals = self.contributions.sum(axis=1)
        draws = None if self.draws is None else self.draws.sum(axis=2)
        return pl.DataFrame({"year": self.years, "esi": totals} | self._band(totals, draws))

    def by_segment(self) -> pl.DataFrame:
        """Contributions: year, segment, title, contribution, and with bands low and high."""
        n_years, n_segments = self.contributions.shape
        return pl.DataFrame(
            {
                "year": np.repeat(self.years, n_segments),
                "segment": [one.name for one in self.segments] * n_years,
                "title": [one.title for one in self.segments] * n_years,
                "contribution": self.contributions.ravel(),
            }
            | {name: values.ravel() for name, values in self._band(self.contributions, self.draws).items()}
        )

    def change(self, first: int | None = None, last: int | None = None) -> pl.DataFrame:
        """Changes between two years (default: the first and the last), with a row `total`.

        Returns
        -------
        Columns segment, title, one for each of the two years, change, and with bands low and high.

        Raises
        ------
        UsageError
            If a year is not among those decomposed, or both are the same.
        """
        ends = [self._position(first, 0), self._position(last, -1)]
        if ends[0] == ends[1]:
            raise UsageError(
                f"no change within one year, {self.years[ends[0]]}", "decompose two years or more"
            )
        at = _with_total(self.contributions[ends])
        change = at[1] - at[0]
        draws = None if self.draws is None else np.diff(_with_total(self.draws[:, ends]), axis=1)[:, 0]
        return pl.DataFrame(
            {
                "segment": [*(one.name for one in self.segments), "total"],
                "title": [*(one.title for one in self.segments), ""],
                **{str(self.years[end]): values for end, values in zip(ends, at, strict=True)},
                "change": change,
            }
            | self._band(change, draws)
        )

    def largest_first(self, parts: pl.DataFrame) -> pl.DataFrame:
        """Rows of `change` or `by_segment`, largest absolute value first, without the total."""
        added = pl.col("change" if "change" in parts.columns else "contribution").abs()
        return parts.filter(pl.col("segment") != "total").sort(added, descending=True, maintain_order=True)

    def _position(self, year: int | None, default: int) -> int:
        if year is None:
            return default % len(self.years)
        if year not in self.years:
            raise UsageError(f"year {year} is not decomposed", f"years here: {self.years}")
        return self.years.index(year)

    def _band(self, estimate: F64, draws: F64 | None) -> dict[str, F64]:
        if draws is None or self.method is None:
            return {}
        low, high = band(estimate, draws, self.method)
        return {"low": low, "high": high}


def _with_total(contributions: F64) -> F64:
    return np.concatenate([contributions, contributions.sum(axis=-1, keepdims=True)], axis=-1)
