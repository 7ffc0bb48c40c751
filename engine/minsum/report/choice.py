"""What the page and the figures show before anybody chooses."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from minsum.report.cube import Cube

SHOWN: Final = 8
"""Lines that eight colours, dashes and symbols keep apart."""
LEADERS: Final = 40


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


def choose(cube: Cube, exporters: Sequence[str], *, wanted: Collection[str], reference: str | None) -> Choice:
    """Defaults of one classification.

    Parameters
    ----------
    cube
        Its similarities.
    exporters
        ISO3, largest first.
    wanted
        Countries of the panel, in its order.
    reference
        Of the panel.
    """
    known = {*cube.composites, *cube.countries}
    first = reference if reference in known else next(iter([*cube.composites, *exporters]))
    leaders = [one for one in exporters if one in cube.countries][:LEADERS]
    countries = [one for one in wanted if one in cube.reporters and one != first][:SHOWN]
    return Choice(first, countries or _movers(cube, first, leaders), leaders)


def _movers(cube: Cube, reference: str, leaders: Sequence[str]) -> list[str]:
    """Those whose similarity changed most between the ends of the years; the most similar where there is one."""
    values = cube.of(reference)
    place = [cube.countries.index(one) for one in leaders if one in cube.reporters]
    size = np.abs(values[-1] - values[0]) if len(cube.years) > 1 else values[-1]
    size = np.nan_to_num(size[place], nan=-1.0)
    order = np.argsort(-size, kind="stable")[:6]
    return [cube.countries[place[k]] for k in order if size[k] >= 0]
