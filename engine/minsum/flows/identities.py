"""Identity checks of a reporter-year: World against its partners, TOTAL against its products."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from minsum.flows.text_repairs import TOTAL
from minsum.schema import FLOWS

WORLD_TOLERANCE: Final = 0.005
"""Relative difference allowed between World and the sum of partners."""

RESIDUAL: Final = "9999"
"""First digits of codes for confidential or unspecified trade."""

Checks = dict[str, dict[str, float | int | None]]
CELL: Final = ("flow", "product_code")


def world_and_partners(rows: pl.DataFrame) -> pl.DataFrame:
    """World value and sum of partners for each flow and product, in order.

    Parameters
    ----------
    rows
        Columns flow, partner_code, product_code (Enums) and value_usd, sorted by the first three.

    Returns
    -------
    flow, product_code, world_usd, partners_usd (null where absent), total_usd (World TOTAL of the flow). Partners are
    added in order, so the sum does not depend on threads.
    """
    flows, products = cast("tuple[pl.Enum, pl.Enum]", tuple(rows.schema[name] for name in CELL))
    n_products = len(products.categories)
    product = rows["product_code"].to_physical().to_numpy()
    partner, value = rows["partner_code"].to_numpy(), rows["value_usd"].to_numpy()
    world = np.full((len(flows.categories), n_products), np.nan)
    partners = world.copy()
    for flow, (first, last) in enumerate(pairwise(_edges(rows))):
        others = first + np.searchsorted(partner[first:last], 1)
        world[flow, product[first:others]] = value[first:others]
        sums = np.bincount(product[others:last], weights=value[others:last], minlength=n_products)
        partners[flow, sums > 0] = sums[sums > 0]
    # TOTAL is the last product: codes begin with digits
    total = np.repeat(world[:, -1], n_products)
    there = np.flatnonzero(~(np.isnan(world) & np.isnan(partners)))
    cells = pl.DataFrame({
        "flow": there // n_products,
        "product_code": there % n_products,
        "world_usd": pl.Series(world.flat[there], nan_to_null=True),
        "partners_usd": pl.Series(partners.flat[there], nan_to_null=True),
        "total_usd": pl.Series(total[there], nan_to_null=True),
    })  # fmt: skip
    return cells.with_columns(pl.col("flow").cat.to(flows), pl.col("product_code").cat.to(products))


def _edges(rows: pl.DataFrame) -> NDArray[np.intp]:
    """First row of each of `FLOWS`, and the end of the last."""
    flow = rows["flow"].to_physical().to_numpy()
    return np.searchsorted(flow, np.arange(len(FLOWS) + 1, dtype=flow.dtype))


_WORLD, _PARTNERS = pl.col("world_usd"), pl.col("partners_usd")
_IS_GOOD: Final = (pl.col("product_code") != TOTAL) & (_WORLD > 0)
_IS_PAIR: Final = _WORLD.is_not_null() & _PARTNERS.is_not_null()
_IS_PRODUCT: Final = pl.col("product_code") != TOTAL
_SUMS: Final = [
    pl.col("product_code").cast(pl.String).filter(_IS_PRODUCT).str.len_bytes().max().alias("level"),
    _WORLD.filter(_IS_PRODUCT).sum().alias("world_products"),
    _PARTNERS.filter(_IS_PRODUCT).sum().alias("partners_products"),
    _IS_GOOD.sum().alias("n_products"),
    _WORLD.filter(_IS_GOOD).sum().alias("goods"),
    _WORLD.filter(_IS_GOOD & pl.col("product_code").cast(pl.String).str.starts_with(RESIDUAL))
    .sum()
    .alias("residual"),
    _PARTNERS.filter(_IS_PAIR).sum().alias("partners"),
    _WORLD.filter(_IS_PAIR).sum().alias("paired"),
    pl.col("total_usd").max().alias("total"),
]


def identity_checks(rows: pl.DataFrame, cells: pl.DataFrame) -> Checks:
    """Identity checks by flow, with the digits of its products (`level`) and their sum over World and partners.

    Parameters
    ----------
    rows
        Rows of a reporter-year.
    cells
        Result of `world_and_partners` for these rows.
    """
    sums = cells.group_by("flow", maintain_order=True).agg(_SUMS)
    counts = np.diff(_edges(rows))
    return {
        one["flow"]: {
            "rows": int(counts[FLOWS.index(one["flow"])]),
            "level": one["level"],
            "products_usd": one["world_products"] + one["partners_products"],
            "n_products": one["n_products"],
            "world_usd": one["goods"],
            "world_vs_partners": _ratio(one["partners"], one["paired"]),
            "total_vs_products": _ratio(one["goods"], one["total"]),
            "residual_share": _ratio(one["residual"], one["goods"]),
        }
        for one in sums.rows(named=True)
    }


def _ratio(part: float, whole: float | None) -> float | None:
    """Ratio of part and whole; None where it is not finite."""
    ratio = part / whole if whole is not None and whole > 0 else math.inf
    return ratio if math.isfinite(ratio) else None


def uncontained(rows: pl.DataFrame, others: Sequence[pl.DataFrame]) -> dict[str, float]:
    """Number of rows of other levels whose value exceeds the products with the same first digits, flow and partner, and
    the excess in USD."""
    code = pl.col("product_code").cast(pl.String)
    columns = (
        pl.col("flow").cast(pl.String),
        "partner_code",
        code.alias("code"),
        pl.col("value_usd").alias("usd"),
    )
    held, left = (
        frame.select(columns).filter(pl.col("code") != TOTAL)
        for frame in (
            rows,
            pl.concat(
                [one.select(pl.col(CELL).cast(pl.String), "partner_code", "value_usd") for one in others]
            ),
        )
    )
    left = left.group_by("flow", "partner_code", "code").agg(pl.col("usd").max())
    n_rows, usd = 0, 0.0
    for digits in sorted(left["code"].str.len_bytes().unique(), reverse=True):
        begin = held.with_columns(begin=pl.col("code").str.head(digits))
        most = begin.group_by("flow").agg(n=pl.col("begin").str.len_bytes().max())
        some = left.filter(pl.col("code").str.len_bytes() == digits).join(most, on="flow", how="left")
        some = some.with_columns(begin=pl.col("code").str.head(pl.col("n").fill_null(digits)))
        by = ("flow", "partner_code", "begin")
        sums = some.group_by(by).agg(pl.col("usd").sort().sum(), n=pl.len())
        beside = begin.group_by(by).agg(held=pl.col("usd").sort().sum())
        alone = sums.join(beside, on=by, how="left").with_columns(pl.col("held").fill_null(0.0)).sort(by)
        alone = alone.filter(pl.col("usd") > (1 + WORLD_TOLERANCE) * pl.col("held"))
        alone = alone.with_columns(usd=pl.col("usd") - pl.col("held"))
        n_rows, usd = n_rows + int(alone["n"].sum()), usd + float(alone["usd"].sum())
        held = pl.concat([held, alone.select("flow", "partner_code", code="begin", usd="usd")])
    return {"rows": n_rows, "usd": usd}
