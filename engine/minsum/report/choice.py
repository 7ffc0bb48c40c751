"""What the page and the figures show before anybody chooses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from minsum.report.cube import Cube, read_cubes
from minsum.report.options import PageOptions
from minsum.workspace import Layout

SHOWN: Final = 8
"""Lines that eight colours, dashes and symbols keep apart."""
LEADERS: Final = 40
MOVERS: Final = 6


@dataclass(frozen=True, slots=True)
class Choice:
    """Of one classification.

    Attributes
    ----------
    reference
        The panel's, or a composite, or the largest exporter.
    countries
        Those of the panel, or the largest movers among the leading exporters.
    leaders
        The largest exporters of the last year, largest first; the rows of the heat map.
    """

    reference: str
    countries: list[str]
    leaders: list[str]


@dataclass(frozen=True, slots=True)
class Shown:
    """A classification and what is shown of it first.

    Attributes
    ----------
    cube
        Its similarities.
    choice
        Defaults.
    """

    cube: Cube
    choice: Choice


def read_shown(layout: Layout, options: PageOptions) -> list[Shown]:
    """Every classification that has similarities, with its defaults."""
    return [
        Shown(cube, choose(cube, _exporters(layout, cube), options=options)) for cube in read_cubes(layout)
    ]


def choose(cube: Cube, exporters: Sequence[str], *, options: PageOptions) -> Choice:
    """Defaults of one classification.

    Parameters
    ----------
    cube
        Its similarities.
    exporters
        ISO3, largest first.
    options
        Countries and reference of the panel, and the members of composites.
    """
    reference = options.reference
    known = {*cube.composites, *cube.countries}
    first = reference if reference in known else next(iter([*cube.composites, *exporters]))
    leaders = [one for one in exporters if one in cube.countries][:LEADERS]
    countries = [one for one in options.reporters if one in cube.reporters and one != first][:SHOWN]
    inside, _ = options.references.get(first, ((), ""))
    others = [one for one in leaders if one in cube.reporters and one not in (first, *inside)]
    return Choice(first, countries or _movers(cube, first, others), leaders)


def _exporters(layout: Layout, cube: Cube) -> list[str]:
    """Countries by their exports in the last year, largest first; then those without data in it."""
    coverage = pl.scan_parquet(layout.coverage).filter(
        pl.col("classification") == cube.classification, pl.col("year") == cube.years[-1]
    )
    ordered = coverage.sort("exports_usd", "reporter", descending=[True, False]).collect()["reporter"]
    return list(dict.fromkeys([*(one for one in ordered if one in cube.countries), *cube.countries]))


def _movers(cube: Cube, reference: str, leaders: Sequence[str]) -> list[str]:
    """Those whose similarity changed most between the ends of the years; the largest where there is one year."""
    if len(cube.years) == 1:
        return list(leaders[:SHOWN])
    values = cube.of(reference)
    moved = dict(zip(cube.countries, np.abs(values[-1] - values[0]), strict=True))
    there = [one for one in leaders if np.isfinite(moved[one])]
    return sorted(there, key=lambda one: -moved[one])[:MOVERS]
