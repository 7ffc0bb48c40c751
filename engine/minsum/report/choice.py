"""Chooses the countries and the reference that the page and the figures show by default."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from minsum.report.cube import Cube, read_cubes
from minsum.report.options import PageOptions
from minsum.workspace.layout import Layout

SHOWN: Final = 8
"""Most lines in a chart: there are eight colours, dashes and symbols."""
LEADERS: Final = 40
MOVERS: Final = 6


@dataclass(frozen=True, slots=True)
class Choice:
    """Defaults of one classification.

    Attributes
    ----------
    reference
        The panel's reference, a composite or the largest exporter: the first with any similarity.
    countries
        Countries of the panel, or those leading exporters whose similarity changed most; only countries that have a
        similarity with the reference in some year.
    leaders
        The largest exporters of the last year, largest first; the rows of the heat map.
    """

    reference: str
    countries: list[str]
    leaders: list[str]


@dataclass(frozen=True, slots=True)
class Shown:
    """A classification with its defaults.

    Attributes
    ----------
    cube
        Its similarities.
    choice
        Defaults.
    exporters
        Its countries, the largest exporter of the last year first.
    """

    cube: Cube
    choice: Choice
    exporters: Sequence[str]


def read_shown(layout: Layout, options: PageOptions) -> list[Shown]:
    """Every classification that has similarities, with its defaults."""
    shown = []
    for cube in read_cubes(layout):
        exporters = _exporters(layout, cube)
        shown.append(Shown(cube, choose(cube, exporters, options=options), exporters))
    return shown


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
    known = {*cube.composites, *cube.countries}
    wanted = [one for one in (options.reference, *cube.composites, *exporters) if one in known]
    first = next((one for one in wanted if compared(cube, one)), wanted[0])
    similar = compared(cube, first)
    leaders = [one for one in exporters if one in cube.countries][:LEADERS]
    countries = [one for one in options.reporters if one in similar][:SHOWN]
    inside = options.members(first, cube.years[-1])
    others = [one for one in leaders if one in similar and one not in inside]
    return Choice(first, countries or _movers(cube, first, others or leaders), leaders)


def compared(cube: Cube, reference: str) -> set[str]:
    """Reporters that have a similarity with the reference in any year."""
    there = np.flatnonzero(np.isfinite(cube.of(reference)).any(axis=0))
    return {cube.countries[k] for k in there} & set(cube.reporters)


def _exporters(layout: Layout, cube: Cube) -> list[str]:
    """Countries by exports in the last year, largest first; countries without data in that year come last."""
    coverage = pl.scan_parquet(layout.coverage, glob=False)
    compared_in = "harmonised_to" if "harmonised_to" in coverage.collect_schema() else "classification"
    in_last = coverage.filter(pl.col(compared_in) == cube.classification, pl.col("year") == cube.years[-1])
    ordered = in_last.sort("exports_usd", "reporter", descending=[True, False]).collect()["reporter"]
    return list(dict.fromkeys([*(one for one in ordered if one in cube.countries), *cube.countries]))


def _movers(cube: Cube, reference: str, leaders: Sequence[str]) -> list[str]:
    """Countries whose similarity changed most between their first and last year; the largest exporters if no country
    has two years."""
    values = cube.of(reference)
    moved = {}
    for country in leaders:
        known = values[:, cube.countries.index(country)]
        known = known[np.isfinite(known)]
        if len(known) > 1:
            moved[country] = abs(float(known[-1] - known[0]))
    return sorted(moved, key=lambda one: -moved[one])[:MOVERS] or list(leaders[:SHOWN])
