"""Identity checks of a reporter-year: World against its partners, TOTAL against its products."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from minsum.flows.columns import TOTAL
from minsum.schema import FLOWS

RESIDUAL: Final = "9999"
"""Codes that begin so stand for confidential or unspecified trade."""

Checks = dict[str, dict[str, float | int | None]]
CELL: Final = ("flow", "product_code")


def world_and_partners(rows: pl.DataFrame) -> pl.DataFrame:
    """World value and sum of partners of each flow and product, in their order.

    Parameters
    ----------
    rows
        Columns flow, partner_code, product_code (Enums) and value_usd, sorted by the first three.

    Returns
    -------
    flow, product_code, world_usd, partners_usd (null where there is none), total_usd (World TOTAL of the flow). Partners are added in
    their order, whatever the threads.
    """
    products = rows.schema["product_code"].categories
    place = rows["flow"].to_physical().to_numpy().astype(np.intp) * len(products)
    place += rows["product_code"].to_physical().to_numpy()
    value, is_world = rows["value_usd"].to_numpy(), rows["partner_code"].to_numpy() == 0
    world, partners = np.full((2, len(FLOWS) * len(products)), np.nan)
    world[place[is_world]] = value[is_world]
    sums = np.bincount(place, weights=np.where(is_world, 0.0, value), minlength=len(world))
    partners[sums > 0] = sums[sums > 0]
    there = np.flatnonzero(~(np.isnan(world) & np.isnan(partners)))
    cells = pl.DataFrame({
        "flow": pl.Series((there // len(products)).astype(np.uint8)).cat.to(rows.schema["flow"]),
        "product_code": pl.Series((there % len(products)).astype(np.uint32)).cat.to(rows.schema["product_code"]),
        "world_usd": pl.Series(world[there], nan_to_null=True),
        "partners_usd": pl.Series(partners[there], nan_to_null=True),
    })  # fmt: skip
    total = cells.filter(pl.col("product_code") == TOTAL).select("flow", total_usd="world_usd")
    return cells.join(total, on="flow", how="left", maintain_order="left")


def identity_checks(rows: pl.DataFrame, cells: pl.DataFrame) -> Checks:
    """Identity checks of each flow.

    Parameters
    ----------
    rows
        Of a reporter-year.
    cells
        Their `world_and_partners`.
    """
    counts = dict(rows.group_by("flow").len().rows())
    goods = cells.filter(pl.col("product_code") != TOTAL, pl.col("world_usd") > 0)
    residual = goods.filter(pl.col("product_code").cast(pl.String).str.starts_with(RESIDUAL))
    both = cells.filter(pl.col("world_usd").is_not_null(), pl.col("partners_usd").is_not_null())
    checks: Checks = {}
    for flow in (one for one in FLOWS if one in counts):
        of_flow = pl.col("flow") == flow
        products, pairs = goods.filter(of_flow), both.filter(of_flow)
        world = products["world_usd"].sum()
        total = cells.filter(of_flow)["total_usd"].max()
        checks[flow] = {
            "rows": counts[flow],
            "n_products": len(products),
            "world_usd": world,
            "world_vs_partners": _ratio(pairs["partners_usd"].sum(), pairs["world_usd"].sum()),
            "total_vs_products": _ratio(world, total),
            "residual_share": _ratio(residual.filter(of_flow)["world_usd"].sum(), world),
        }
    return checks


def _ratio(part: float, whole: object) -> float | None:
    return part / whole if isinstance(whole, float) and whole > 0 else None
