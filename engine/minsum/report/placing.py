"""Places countries by similarity: a picture of each year, groups, and an order of the heat map."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from minsum.report.cube import F64, Cube

FEWEST: Final = 4
"""Countries that a picture needs."""
GROUPS: Final = 8
"""Groups that eight colours and symbols keep apart."""
FIRST_STEPS: Final = 300
NEXT_STEPS: Final = 40
"""Steps from the places of the following year: 40 change stress by less than 0.001 on 200 countries and 22 years."""
MAP: Final = Path(__file__).parent / "page" / "map.json"


@dataclass(frozen=True, slots=True)
class Picture:
    """Countries of one classification, placed by similarity.

    Attributes
    ----------
    places
        Shape (n_years, n_countries, 2), distances near 1 - ESI; NaN for a country without data in the year.
    stress
        Kruskal's stress-1 of each year, shape (n_years,): 0 if every distance is 1 - ESI; NaN without a picture.
    order
        Countries, similar ones next to each other.
    groups
        Countries by group (Ward's method on 1 - ESI, mean over years), the largest exporter first.
    """

    places: F64
    stress: F64
    order: list[str]
    groups: list[list[str]]


@cache
def world_map() -> dict[str, Any]:
    """The shipped map (`make_map`): source, width, height, and by label shapes and points."""
    found: dict[str, Any] = json.loads(MAP.read_text(encoding="utf-8"))
    return found


def picture_of(cube: Cube, exporters: Sequence[str]) -> Picture:
    """Place the countries of every year, and group them.

    Parameters
    ----------
    cube
        Similarities of one classification.
    exporters
        Its countries, the largest exporter first.

    Notes
    -----
    Metric scaling by majorisation (SMACOF; de Leeuw 1977) from classical scaling (Torgerson 1952). The last year is
    rotated and mirrored to lie as the countries do on the map, and each earlier year as the year after it: the picture
    of one night does not flip against that of the night before.
    """
    order, groups = _grouped(cube, exporters)
    places = np.full((len(cube.years), len(cube.countries), 2), np.nan)
    stress = np.full(len(cube.years), np.nan)
    after = np.full_like(places[0], np.nan)
    for year in reversed(range(len(cube.years))):
        apart, there = _distances(cube, year)
        if len(there) < FEWEST:
            continue
        is_next = np.isfinite(after[there, 0]).sum() >= FEWEST
        start = _nearby(apart, after[there]) if is_next else classical(apart)
        found = settled(apart, start, steps=NEXT_STEPS if is_next else FIRST_STEPS)
        target = after if is_next else _on_the_map(cube.countries)
        places[year, there] = after[there] = oriented(found, target[there])
        stress[year] = stress_of(apart, places[year, there])
    return Picture(places, stress, order, groups)


def classical(distances: F64) -> F64:
    """Classical scaling in the plane: shape (n, n) to (n, 2)."""
    centred = distances**2
    centred = centred - centred.mean(axis=0)
    centred = -(centred - centred.mean(axis=1, keepdims=True)) / 2
    values, vectors = np.linalg.eigh(centred)
    return np.asarray(vectors[:, :-3:-1] * np.sqrt(np.maximum(values[:-3:-1], 0)))


def settled(distances: F64, places: F64, *, steps: int) -> F64:
    """Places, shape (n, 2), after steps of majorisation, none of which raises the stress."""
    for _ in range(steps):
        apart = _between(places)
        ratio = np.divide(distances, apart, out=np.zeros_like(apart), where=apart > 0)
        places = (ratio.sum(axis=1, keepdims=True) * places - ratio @ places) / len(places)
    return places


def oriented(places: F64, target: F64) -> F64:
    """Places, shape (n, 2), rotated and mirrored to lie as near to the target as they can; NaN rows do not count."""
    known = np.isfinite(target).all(axis=1)
    centred = places - places.mean(axis=0)
    if known.sum() < 2:
        return np.asarray(centred)
    wanted = target[known] - target[known].mean(axis=0)
    left, _, right = np.linalg.svd((centred[known] - centred[known].mean(axis=0)).T @ wanted)
    return np.asarray(centred @ (left @ right))


def stress_of(distances: F64, places: F64) -> float:
    """Kruskal's stress-1 of places, shape (n, 2), for the wanted distances."""
    wanted = (distances**2).sum()
    return float(np.sqrt(((distances - _between(places)) ** 2).sum() / wanted)) if wanted else 0.0


def _between(places: F64) -> F64:
    return np.asarray(np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1)))


def _distances(cube: Cube, year: int) -> tuple[F64, NDArray[np.intp]]:
    """1 - ESI of the countries with data, and their positions; a pair without a value is 1 apart."""
    esi = _square(cube.esi.pairs[year], len(cube.countries))
    mine = [cube.countries.index(one) for one in cube.reporters]
    there = np.array([k for k in mine if np.isfinite(esi[k, mine]).any()], dtype=np.intp)
    apart = 1 - np.nan_to_num(esi[np.ix_(there, there)])
    np.fill_diagonal(apart, 0)
    return apart, there


def _square(pairs: F64, n: int) -> F64:
    """Half a matrix as a symmetric one, its diagonal NaN."""
    whole = np.full((n, n), np.nan)
    whole[np.tril_indices(n, -1)] = pairs
    return np.where(np.isnan(whole), whole.T, whole)


def _nearby(apart: F64, places: F64) -> F64:
    """Places, those that are NaN among the countries that are similar."""
    known = np.isfinite(places[:, 0])
    esi = 1 - apart[:, known] + 1e-6
    return np.where(known[:, None], places, esi @ places[known] / esi.sum(axis=1, keepdims=True))


def _on_the_map(countries: Sequence[str]) -> F64:
    """Points of the countries on the map, north up; NaN for what is not on it."""
    points = world_map()["points"]
    nowhere = (np.nan, np.nan)
    return np.array([points.get(one, nowhere) for one in countries]).reshape(-1, 2) * [1.0, -1.0]


def _grouped(cube: Cube, exporters: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    from scipy.cluster.hierarchy import fcluster, leaves_list, linkage

    n = len(cube.countries)
    if n < FEWEST:
        return list(exporters), [list(exporters)]
    known = np.isfinite(cube.esi.pairs)
    means = np.where(known, cube.esi.pairs, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    condensed = 1 - _square(means, n)[np.triu_indices(n, 1)]
    tree = linkage(condensed, "ward", optimal_ordering=True)
    order = [cube.countries[k] for k in leaves_list(tree)]
    if order.index(exporters[0]) > n // 2:
        order.reverse()
    group = dict(zip(cube.countries, fcluster(tree, min(GROUPS, n // 3), "maxclust"), strict=True))
    found: dict[int, list[str]] = {}
    for one in exporters:
        found.setdefault(int(group[one]), []).append(one)
    return order, list(found.values())
