"""Export baskets of one classification and year: what the kernels work on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from minsum.countries import WORLD, iso3_of

F64Matrix = np.ndarray[tuple[int, int], np.dtype[np.float64]]
Basis = Literal["X", "DX", "X-RX"]
Residual = Literal["exclude", "keep", "denominator"]

RESIDUAL_HEADING: Final = "9999"
_WEIGHTS: Final[dict[Basis, dict[str, float]]] = {
    "X": {"X": 1.0},
    "DX": {"DX": 1.0},
    "X-RX": {"X": 1.0, "RX": -1.0},
}


@dataclass(frozen=True, slots=True)
class Baskets:
    """Exports of every country of one classification and year.

    Attributes
    ----------
    codes
        Comtrade reporter codes, ascending, shape (n_countries,).
    labels
        Their ISO3 labels.
    products
        Union of their product codes, ascending.
    values
        Exports, shape (n_countries, n_products), USD; 0 where a country does not export a product.
    residual
        Exports under codes 9999xx that are not among `products`, shape (n_countries,), USD.
    residual_share
        Share of codes 9999xx in all exports, shape (n_countries,), unit 1.
    in_total
        Whether `residual` counts in the denominator of the shares.
    is_rebuilt
        Whether a country's basket holds rebuilt values, shape (n_countries,).
    """

    codes: NDArray[np.int32]
    labels: list[str]
    products: list[str]
    values: F64Matrix
    residual: NDArray[np.float64]
    residual_share: NDArray[np.float64]
    in_total: bool
    is_rebuilt: NDArray[np.bool_]

    def shares(self) -> F64Matrix:
        """Export shares, shape (n_countries, n_products); a country without exports has zeros."""
        return shares_of(self.values, self.residual if self.in_total else None)


def shares_of(values: F64Matrix, outside: NDArray[np.float64] | None = None) -> F64Matrix:
    """Rows divided by their sum (plus what lies outside the columns); rows of zeros stay zeros."""
    total = values.sum(axis=1)
    if outside is not None:
        total = total + outside
    shares: F64Matrix = np.divide(values, total[:, None], out=np.zeros_like(values), where=total[:, None] > 0)
    return shares


def gather(files: Sequence[Path], *, basis: Basis, level: int, residual: Residual) -> Baskets:
    """World exports from the flows of one classification and year.

    Parameters
    ----------
    files
        Flows files, in order of their reporter codes.
    basis
        `X` total exports, `DX` domestic exports, `X-RX` total less re-exports (never below 0).
    level
        Digits of the product code.
    residual
        Codes 9999xx: `exclude` them, `keep` them as products, or count them in the `denominator` only.
    """
    weights = _WEIGHTS[basis]
    rows = (
        pl.scan_parquet(list(files), hive_partitioning=True)
        .filter(
            pl.col("flow").is_in(list(weights)),
            pl.col("partner_code") == WORLD,
            pl.col("product_code") != "TOTAL",
        )
        .select(
            pl.col("reporter").cast(pl.Int32),
            product=pl.col("product_code").str.slice(0, level),
            is_residual=pl.col("product_code").str.starts_with(RESIDUAL_HEADING),
            value=pl.col("value_usd") * pl.col("flow").replace_strict(weights, default=0.0),
            is_rebuilt="is_rebuilt",
        )
        .collect()
    )
    codes = rows["reporter"].unique().sort()
    row = rows["reporter"].replace_strict(codes, pl.arange(0, len(codes), eager=True)).to_numpy()
    is_residual = rows["is_residual"].to_numpy()
    value = rows["value"].to_numpy()
    outside = is_residual & (residual != "keep")
    total = np.bincount(row, weights=value, minlength=len(codes))
    residual_usd = np.bincount(row, weights=np.where(is_residual, value, 0.0), minlength=len(codes)).astype(
        np.float64
    )
    products = rows["product"].filter(pl.Series(~outside)).unique().sort()
    return Baskets(
        codes=codes.to_numpy(),
        labels=[iso3_of(code) for code in codes.to_list()],
        products=products.to_list(),
        values=_matrix(
            rows["product"], row, np.where(outside, 0.0, value), products=products, n_rows=len(codes)
        ),
        residual=np.zeros(len(codes)) if residual == "keep" else residual_usd,
        residual_share=np.divide(residual_usd, total, out=np.zeros(len(codes)), where=total > 0),
        in_total=residual == "denominator",
        is_rebuilt=np.bincount(row, weights=rows["is_rebuilt"].to_numpy(), minlength=len(codes)) > 0,
    )


def _matrix(
    product: pl.Series,
    row: NDArray[np.int64],
    value: NDArray[np.float64],
    *,
    products: pl.Series,
    n_rows: int,
) -> F64Matrix:
    """Values added up by row and product; negative sums (re-exports above exports) become 0."""
    inside = product.is_in(products.implode())
    column = product.filter(inside).cast(pl.Enum(products)).to_physical().to_numpy()
    keep = inside.to_numpy()
    cell = row[keep].astype(np.int64) * len(products) + column
    added = np.bincount(cell, weights=value[keep], minlength=n_rows * len(products))
    return np.maximum(added, 0.0).reshape(n_rows, len(products))
