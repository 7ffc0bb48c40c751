"""Goods whose code is known in every HS vintage: the oracle for tests of `[harmonise]`.

A thing is one good, a path along the UN's links: a code of H6, a code of H5 that shares a product with it, and so on to H0.
A country's filing in a vintage is the sum over its things, so its basket is known exactly in every vintage.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from minsum.harmonise.shipped import nomenclature as hs_codes
from minsum.harmonise.shipped import shipped
from minsum.harmonise.vintages import VINTAGES, YEARS, steps
from minsum.synth.economies import LEADERS, code_of_member, partner_codes
from minsum.synth.nomenclature import RESIDUALS, Nomenclature, of_codes
from minsum.synth.spec import I64, WorldSpec
from minsum.synth.trade import Cells

_LONGEST_DELAY: Final = 6
"""Years after which the last countries file in a new vintage."""


@cache
def codes_of_things(n_things: int) -> dict[str, npt.NDArray[np.int32]]:
    """Vintage to the code of each thing as a number, shape (n_things,); the same in every world."""
    rng = np.random.default_rng(2022)
    newest = VINTAGES[-1]
    paths = {newest: rng.choice(hs_codes()[newest], 2 * n_things)}
    for newer, older in steps(newest, VINTAGES[0]):
        links = shipped()[newer, older].links
        first = np.searchsorted(links[:, 0], paths[newer])
        count = np.searchsorted(links[:, 0], paths[newer], side="right") - first
        paths = {vintage: codes[count > 0] for vintage, codes in paths.items()}
        first, count = first[count > 0], count[count > 0]
        paths[older] = links[first + rng.integers(0, count), 1]
    return {vintage: codes[:n_things] for vintage, codes in paths.items()}


@cache
def nomenclature_of(vintage: str, n_things: int) -> Nomenclature:
    """Product codes of a vintage, residual codes included."""
    codes = np.unique(codes_of_things(n_things)[vintage]).tolist()
    return of_codes([f"{code:06d}" for code in codes])


@cache
def places_of(vintage: str, n_things: int) -> I64:
    """Index in the vintage's nomenclature of each thing and then of each residual code."""
    codes = codes_of_things(n_things)[vintage]
    distinct = np.unique(codes)
    residuals = len(distinct) + np.arange(len(RESIDUALS))
    return np.concatenate([np.searchsorted(distinct, codes), residuals]).astype(np.int64)


def vintage_of(spec: WorldSpec, code: int, year: int) -> str:
    """Vintage that a country files in a year: it switches some years after the vintage came into force.

    The leaders switch at once. About one country in eight stays with what it had for good.
    """
    if not spec.vintages:
        return spec.classification
    rng = spec.stream("vintage", code)
    delay = int(rng.integers(0, _LONGEST_DELAY + 1))
    last = rng.choice(VINTAGES[2:5]) if rng.random() < 1 / 8 else VINTAGES[-1]
    if code in {code_of_member(leader) for leader in LEADERS}:
        delay, last = 0, VINTAGES[-1]
    there = [vintage for vintage, start in YEARS.items() if start + delay <= year and vintage <= last]
    return there[-1] if there else VINTAGES[0]


def as_filed(cells: Cells, *, vintage: str, spec: WorldSpec) -> Cells:
    """Cells of things as cells of the codes of a vintage."""
    n_partners = len(partner_codes())
    key = places_of(vintage, spec.products)[cells.product] * n_partners + cells.partner
    distinct, place = np.unique(key, return_inverse=True)
    mils = np.zeros(len(distinct), dtype=np.int64)
    np.add.at(mils, place, cells.mils)
    return Cells(distinct // n_partners, distinct % n_partners, mils)


def in_vintage(values: I64, *, vintage: str, n_things: int) -> I64:
    """Values of things and residual codes, shape (n_countries, n_things + 2), added up by code of a vintage."""
    place = places_of(vintage, n_things)
    added = np.zeros((int(place.max()) + 1, len(values)), dtype=np.int64)
    np.add.at(added, place, values.T)
    return added.T
