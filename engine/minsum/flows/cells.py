"""Order of rows: one integer, `cell`, for flow, partner and product."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from minsum.flows.identities import CELL
from minsum.flows.text_repairs import TOTAL
from minsum.schema import FLOWS

_FLOW, _PARTNER = 2**48, 2**28
"""Steps of flow and partner in a `cell`: there are fewer than 2**20 partners and fewer than 2**28 products."""


def in_order(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows sorted by flow, partner and product, with the columns `cell` and `is_rebuilt` (False where it was absent)."""
    # One thread: other files keep the others busy.
    return with_cells(rows).sort("cell", multithreaded=False)


def with_cells(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows in their order, with flow and product_code as Enums instead of categories, and the column `cell`."""
    (flow, flows), (product, products) = (
        _rank_and_enum(rows["flow"], FLOWS),
        _rank_and_enum(rows["product_code"], [TOTAL]),
    )
    added = {} if "is_rebuilt" in rows.columns else {"is_rebuilt": pl.lit(value=False)}
    return rows.with_columns(
        flow=flow.cat.to(flows), product_code=product.cat.to(products),
        cell=_cell_of(flow, pl.col("partner_code"), product), **added,
    )  # fmt: skip


def _cell_of(flow: pl.Expr, partner: pl.Expr, product: pl.Expr) -> pl.Expr:
    return flow.cast(pl.Int64) * _FLOW + partner.cast(pl.Int64) * _PARTNER + product.cast(pl.Int64)


def cell_in(rows: pl.DataFrame) -> pl.Expr:
    """The column `cell` for other rows with the Enums of `rows`; null where a text is not among them."""
    flow, product = (pl.col(name).cast(rows.schema[name], strict=False).to_physical() for name in CELL)
    return _cell_of(flow, pl.col("partner_code"), product)


def merged(rows: pl.DataFrame, added: pl.DataFrame) -> pl.DataFrame:
    """Rows with the added rows, marked `is_rebuilt`, in order."""
    if added.is_empty():
        return rows
    added = added.with_columns(is_rebuilt=pl.lit(value=True)).select(rows.columns)
    return in_order(pl.concat([one.with_columns(pl.col(CELL).cast(pl.Categorical)) for one in (rows, added)]))


def _rank_and_enum(codes: pl.Series, always: Sequence[str]) -> tuple[pl.Expr, pl.Enum]:
    """Rank of each row's category among the texts, and the Enum of these texts and `always`.

    A cast would compare texts row by row, which takes four times as long.
    """
    physical = codes.to_physical()
    places, others = physical.to_numpy(), _codes_of(tuple(always))
    is_there = np.zeros(max(places.max(initial=0), others.max()) + 1, dtype=np.bool_)
    is_there[places] = is_there[others] = True
    distinct = np.flatnonzero(is_there)
    order, texts = _in_order_of_texts(distinct.astype(np.uint32).tobytes())
    rank = np.zeros(distinct[-1] + 1, dtype=np.uint32)
    rank[distinct[order]] = np.arange(len(distinct))
    return pl.lit(pl.Series(rank)[physical]), texts


@lru_cache(maxsize=64)
def _in_order_of_texts(places: bytes) -> tuple[NDArray[np.uint32], pl.Enum]:
    """Order of categories by their texts, and the Enum of these texts. Cached: most files have the same flows."""
    text = pl.lit(pl.Series(np.frombuffer(places, dtype=np.uint32))).cat.to(pl.Categorical).cast(pl.String)
    texts, order = pl.select(text=text, order=text.arg_sort()).get_columns()
    return order.to_numpy(), pl.Enum(texts[order])


@cache
def _codes_of(texts: tuple[str, ...]) -> NDArray[np.uint32]:
    """Physical codes of texts among the categories."""
    return pl.Series(texts, dtype=pl.Categorical).to_physical().to_numpy()
