"""Convert flows of several vintages to one, row by row, for baskets and for markets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from minsum.errors import DataCheckError
from minsum.harmonise.harmoniser import Harmoniser
from minsum.harmonise.vintages import UNSPECIFIED, is_residual

F64 = NDArray[np.float64]
Positions = NDArray[np.intp]
TOLERANCE: Final = 1e-12
"""Largest relative change of a country's total by conversion: rounding."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Vintage and conversion of the filings behind harmonised baskets.

    Attributes
    ----------
    spans
        Oldest and newest vintage that each country filed, the same but for units of several states; shape
        (n_countries,).
    converted
        Share of each filed basket in products that are not one-to-one with the target, shape (n_countries,).
    is_merged
        Whether a country is a unit of several states, shape (n_countries,).
    filings
        For the footer: reporter code to what it filed, its converted share and unmatched values.
    harmoniser
        The harmoniser that converted them.
    """

    spans: list[tuple[str, str]]
    converted: F64
    is_merged: NDArray[np.bool_]
    filings: dict[str, dict[str, Any]]
    harmoniser: Harmoniser

    def take(self, rows: Positions) -> Provenance:
        """Provenance of some countries."""
        return replace(
            self,
            spans=[self.spans[k] for k in rows.tolist()],
            converted=self.converted[rows],
            is_merged=self.is_merged[rows],
        )


@dataclass(frozen=True, slots=True)
class Filed:
    """Flows as filed, of several vintages, one entry a flow, shape (n_rows,) each.

    Attributes
    ----------
    country
        Position among `vintages`.
    product
        Position among `products`.
    usd
        Values; below 0 where a basis takes them off.
    vintages
        Vintage that each country filed, shape (n_countries,).
    products
        Union of the products of all vintages, ascending, shape (n_products,).
    """

    country: NDArray[np.int32] | Positions
    product: NDArray[np.uint32]
    usd: F64
    vintages: list[str]
    products: list[str]


@dataclass(frozen=True, slots=True)
class Together:
    """The flows in products of the target, in the same order; a flow that is split over several products is several flows.

    Attributes
    ----------
    origin
        Row that each flow comes from, shape (n_rows,); a slice of everything where none became several.
    product
        Position among `products`, shape (n_rows,).
    usd
        Values, shape (n_rows,).
    products
        Products of the target that occur, ascending.
    """

    origin: Positions | slice
    product: Positions
    usd: F64
    products: list[str]


def brought_together(filed: Filed, harmoniser: Harmoniser) -> Together:
    """Convert every flow to the target.

    Raises
    ------
    DataCheckError
        If conversion changed a country's total.
    """
    targets = sorted({*harmoniser.codes(), UNSPECIFIED, *filed.products})
    kinds = sorted(set(filed.vintages))
    shares = sp.csr_array(
        sp.vstack([_shares(kind, filed.products, targets, harmoniser) for kind in kinds], format="csr")
    )
    line = _lines(filed, kinds)
    count = np.diff(shares.indptr)
    if (count == 1).all() and (shares.data == 1.0).all():  # no value is touched, so no total can move
        origin: Positions | slice = slice(None)
        target, usd = shares.indices[line], filed.usd
    else:
        repeats = count[line]
        origin = np.repeat(np.arange(len(line)), repeats)
        before = np.repeat(np.cumsum(repeats) - repeats, repeats)
        cell = shares.indptr[line][origin] + np.arange(len(origin)) - before
        target, usd = shares.indices[cell], filed.usd[origin] * shares.data[cell]
        _check_totals(filed, filed.country[origin], usd)
    occurs = np.bincount(target, minlength=len(targets)) > 0
    place = np.cumsum(occurs) - 1
    products = [product for product, is_there in zip(targets, occurs.tolist(), strict=True) if is_there]
    return Together(origin, place[target], usd, products)


def provenance(
    filed: Filed, codes: Sequence[int], unit: Positions, harmoniser: Harmoniser, *, with_residual: bool
) -> Provenance:
    """Vintage of each country's filing, and how much of it was converted or has no target.

    Parameters
    ----------
    filed
        World flows.
    codes
        Comtrade code of each country that filed.
    unit
        Position of its unit, shape (n_filed,); its own position where every state stands for itself.
    harmoniser
        The harmoniser that converts them.
    with_residual
        Whether codes 9999xx belong to the basket of which the converted share is taken.
    """
    kinds = sorted(set(filed.vintages))
    residual = np.array([is_residual(product) for product in filed.products], dtype=np.bool_)
    counts = np.tile(np.where(residual, float(with_residual), 1.0), len(kinds))
    several, lost = zip(
        *(_of_products(kind, filed.products, residual, harmoniser) for kind in kinds), strict=True
    )
    line, n = _lines(filed, kinds), len(filed.vintages)

    def added(share: F64) -> F64:
        if not share.any():
            return np.zeros(n)
        weights = filed.usd * share[line]
        return np.bincount(filed.country, weights, minlength=n).astype(np.float64, copy=False)

    total, converted, unmatched = (
        added(one) for one in (counts, np.concatenate(several) * counts, np.concatenate(lost))
    )
    n_units = int(unit.max(initial=-1)) + 1
    found = zip(
        codes,
        filed.vintages,
        _part(converted, total).tolist(),
        unmatched.tolist(),
        unit.tolist(),
        strict=True,
    )
    filings = {}
    spans: list[tuple[str, str]] = [("", "")] * n_units
    for code, vintage, share, usd, k in found:
        filings[str(code)] = {"vintage": vintage, "converted": share, "unmatched_usd": usd}
        oldest, newest = spans[k] if spans[k][0] else (vintage, vintage)
        spans[k] = min(oldest, vintage), max(newest, vintage)
    whole, several_usd = (np.bincount(unit, one, n_units).astype(np.float64) for one in (total, converted))
    of_unit = _part(several_usd, whole)
    is_merged = np.zeros(n_units, dtype=np.bool_)
    is_merged[unit] = [code in harmoniser.units for code in codes]
    return Provenance(spans, of_unit, is_merged, filings, harmoniser)


def _of_products(
    vintage: str, products: Sequence[str], residual: NDArray[np.bool_], harmoniser: Harmoniser
) -> tuple[F64, F64]:
    """Share of each product of a vintage that is not one-to-one with the target, and share that has no target."""
    if vintage == harmoniser.target:
        return np.zeros(len(products)), np.zeros(len(products))
    conversion, single = harmoniser.conversion(vintage), harmoniser.one_to_one(vintage)
    is_single = np.array([product in single for product in products], dtype=np.bool_)
    several = np.where(is_single | conversion.unchanged(products), 0.0, 1.0)
    return several, np.where(residual, 0.0, conversion.unmatched(products))


def _part(converted: F64, total: F64) -> F64:
    part: F64 = np.divide(converted, total, out=np.zeros(len(total)), where=total > 0)
    return np.clip(part, 0.0, 1.0)


def _lines(filed: Filed, kinds: Sequence[str]) -> Positions:
    """Row of each flow in the conversion matrix of all vintages."""
    first = np.array(
        [kinds.index(vintage) * len(filed.products) for vintage in filed.vintages], dtype=np.intp
    )
    lines: Positions = first[filed.country] + filed.product
    return lines


def _shares(
    vintage: str, products: Sequence[str], targets: Sequence[str], harmoniser: Harmoniser
) -> sp.csr_array:
    """Conversion matrix: share of each product that goes to each target product; identity for the target vintage."""
    if vintage != harmoniser.target:
        return harmoniser.conversion(vintage).over(products, targets)
    columns = np.searchsorted(np.array(targets), np.array(products, dtype=np.str_))
    cells = (np.ones(len(products)), (np.arange(len(products)), columns))
    return sp.csr_array(sp.coo_array(cells, shape=(len(products), len(targets))))


def _check_totals(filed: Filed, country: NDArray[np.int32] | Positions, usd: F64) -> None:
    n = len(filed.vintages)
    before, after = np.bincount(filed.country, filed.usd, n), np.bincount(country, usd, n)
    moved = np.abs(after - before)
    wrong = np.flatnonzero(moved > TOLERANCE * np.bincount(filed.country, np.abs(filed.usd), n))
    if len(wrong):
        raise DataCheckError(
            f"{len(wrong)} countries' totals moved when they were converted, by {moved[wrong].max():.6g} USD at most",
            "report this with the tables you use: conversion must keep totals",
        )
