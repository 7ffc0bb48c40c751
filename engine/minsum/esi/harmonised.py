"""Baskets and flows of several vintages brought to one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from minsum.errors import DataCheckError
from minsum.harmonise.harmoniser import Harmoniser
from minsum.harmonise.vintages import UNSPECIFIED, is_residual

F64 = NDArray[np.float64]
F64Matrix = np.ndarray[tuple[int, int], np.dtype[np.float64]]
TOLERANCE: Final = 1e-12
"""How far the total of a basket may move, in relation to it: rounding."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where baskets of a common vintage come from.

    Attributes
    ----------
    filed
        Vintage that each country filed, shape (n_countries,).
    converted
        Share of each filed basket in products that are not one-to-one with the target, shape (n_countries,).
    unmatched_usd
        Values without a target, which went to 999999, shape (n_countries,), USD.
    harmoniser
        What brought them together.
    """

    filed: list[str]
    converted: F64
    unmatched_usd: F64
    harmoniser: Harmoniser


@dataclass(frozen=True, slots=True)
class Filed:
    """Values as filed, of several vintages.

    Attributes
    ----------
    codes
        Reporter codes, shape (n_countries,).
    products
        Union of the products of all vintages, ascending.
    values
        Shape (n_countries, n_products), USD; may be below 0 (exports less re-exports).
    vintage_of
        Reporter code to the vintage of its filing.
    """

    codes: NDArray[np.int32]
    products: list[str]
    values: F64Matrix
    vintage_of: Mapping[int, str]


def brought_together(
    filed: Filed, harmoniser: Harmoniser, *, with_residual: bool
) -> tuple[list[str], F64Matrix, Provenance]:
    """Bring every country's values to the target.

    Parameters
    ----------
    filed
        Values of the countries' own vintages.
    harmoniser
        Conversions of the target.
    with_residual
        Whether codes 9999xx belong to the basket of which the converted share is taken.

    Returns
    -------
    Products of the target that occur, ascending; values, shape (n_countries, n_products), USD; and where they
    come from.

    Raises
    ------
    DataCheckError
        If a country's total is not what it was.
    """
    vintages = [filed.vintage_of[code] for code in filed.codes.tolist()]
    targets = target_products(filed.products, harmoniser)
    values = np.zeros((len(vintages), len(targets)))
    converted, unmatched = np.zeros(len(vintages)), np.zeros(len(vintages))
    residual = np.array([is_residual(product) for product in filed.products], dtype=np.bool_)
    in_basket = with_residual | ~residual
    for vintage in sorted(set(vintages)):
        rows = np.array([one == vintage for one in vintages])
        own = filed.values[rows]
        shares = conversion_matrix(vintage, filed.products, targets, harmoniser)
        values[rows] = own @ shares
        if vintage != harmoniser.target:
            basket = np.maximum(own, 0.0) * in_basket
            total = basket.sum(axis=1)
            several = basket @ _is_converted(vintage, filed.products, harmoniser)
            converted[rows] = np.divide(several, total, out=np.zeros(len(own)), where=total > 0)
            to_nothing = np.where(residual, 0.0, shares[:, [targets.index(UNSPECIFIED)]].toarray()[:, 0])
            unmatched[rows] = own @ to_nothing
    _check_totals(filed, values)
    occurs = (values != 0).any(axis=0)
    products = [product for product, is_there in zip(targets, occurs.tolist(), strict=True) if is_there]
    where_from = Provenance(vintages, converted, unmatched, harmoniser)
    return products, np.ascontiguousarray(values[:, occurs]), where_from


def conversion_matrix(
    vintage: str, products: Sequence[str], targets: Sequence[str], harmoniser: Harmoniser
) -> sp.csr_array:
    """Share of each product that goes to each target; a filing in the target stays as it is."""
    if vintage != harmoniser.target:
        return harmoniser.conversion(vintage).over(products, targets)
    columns = np.searchsorted(np.array(targets), np.array(products, dtype=np.str_))
    cells = (np.ones(len(products)), (np.arange(len(products)), columns))
    return sp.csr_array(sp.coo_array(cells, shape=(len(products), len(targets))))


def target_products(products: Sequence[str], harmoniser: Harmoniser) -> list[str]:
    """Every code that may come out, ascending: the target's, and those that stay what they are."""
    return sorted({*harmoniser.codes(), UNSPECIFIED, *products})


def _is_converted(vintage: str, products: Sequence[str], harmoniser: Harmoniser) -> NDArray[np.bool_]:
    """Whether each product is more, or less, than exactly one of the target."""
    single = harmoniser.one_to_one(vintage)
    is_single = np.array([product in single for product in products], dtype=np.bool_)
    return ~(is_single | harmoniser.conversion(vintage).unchanged(products))


def _check_totals(filed: Filed, values: F64Matrix) -> None:
    moved = np.abs(values.sum(axis=1) - filed.values.sum(axis=1))
    wrong = np.flatnonzero(moved > TOLERANCE * np.abs(filed.values).sum(axis=1))
    if len(wrong):
        worst = wrong[0]
        raise DataCheckError(
            f"reporter {filed.codes[worst]}: its total moved by {moved[worst]:.6g} USD when it was converted",
            "report this with the tables you use: conversion must keep totals",
        )


@dataclass(frozen=True, slots=True)
class FiledRows:
    """Flows as filed, of several vintages, one entry a flow, shape (n_rows,) each.

    Attributes
    ----------
    reporter, partner
        Comtrade codes.
    product
        Position among `products`.
    usd
        Values.
    products
        Union of the products of all vintages, ascending, shape (n_products,).
    vintage_of
        Reporter code to the vintage of its filing.
    """

    reporter: NDArray[np.int32]
    partner: NDArray[np.int32]
    product: NDArray[np.uint32]
    usd: F64
    products: list[str]
    vintage_of: Mapping[int, str]


Rows = tuple[list[str], NDArray[np.int32], NDArray[np.int32], NDArray[np.uint32], F64]


def rows_brought_together(filed: FiledRows, harmoniser: Harmoniser) -> Rows:
    """Bring flows to the target, in the same order; a flow that goes to several products becomes several.

    Returns
    -------
    Products of the target, ascending; then reporter, partner, position of the product and USD of each flow. A
    product may occur twice with one reporter and partner.

    Raises
    ------
    DataCheckError
        If the total is not what it was.
    """
    targets = target_products(filed.products, harmoniser)
    vintages = sorted(set(filed.vintage_of.values()))
    stacked = sp.csr_array(
        sp.vstack(
            [conversion_matrix(one, filed.products, targets, harmoniser) for one in vintages], format="csr"
        )
    )
    first = np.zeros(max(filed.vintage_of) + 1, dtype=np.int32)
    for code, vintage in filed.vintage_of.items():
        first[code] = vintages.index(vintage) * len(filed.products)
    line = first[filed.reporter] + filed.product.astype(np.int32)
    start, count = stacked.indptr[line], np.diff(stacked.indptr)[line]
    if (count == 1).all():
        usd = filed.usd * stacked.data[start]
        reporter, partner, cell = filed.reporter, filed.partner, start
    else:
        origin = np.repeat(np.arange(len(line)), count)
        cell = start[origin] + np.arange(len(origin)) - np.repeat(np.cumsum(count) - count, count)
        usd = filed.usd[origin] * stacked.data[cell]
        reporter, partner = filed.reporter[origin], filed.partner[origin]
    if abs(usd.sum() - filed.usd.sum()) > TOLERANCE * np.abs(filed.usd).sum():
        raise DataCheckError(
            "the total of bilateral exports moved when they were converted", "report this with your tables"
        )
    return targets, reporter, partner, stacked.indices[cell].astype(np.uint32), usd
