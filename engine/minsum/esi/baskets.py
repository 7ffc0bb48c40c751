"""Baskets of one classification and year, a matrix of countries by products: input of the kernels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from minsum.countries.codes import WORLD, iso3_of
from minsum.harmonise.vintages import FINEST
from minsum.schema import TABLES
from minsum.settings.esi import Basis, Residual
from minsum.workspace.copies import bring
from minsum.workspace.layout import partition_key

if TYPE_CHECKING:
    from minsum.esi.harmonised import Provenance
    from minsum.harmonise.harmoniser import Harmoniser

F64Matrix = np.ndarray[tuple[int, int], np.dtype[np.float64]]

TOTAL: Final = "TOTAL"
RESIDUAL_HEADING: Final = "9999"
AnyBasis = Basis | Literal["M"]
"""Which values are summed: exports on one of three bases, or imports."""
ADDED: Final[dict[AnyBasis, str]] = {"X": "X", "DX": "DX", "X-RX": "X", "M": "M"}
SUBTRACTED: Final[dict[AnyBasis, str | None]] = {"X": None, "DX": None, "X-RX": "RX", "M": None}
"""For each basis, the flow that is added and the flow that is subtracted."""


@dataclass(frozen=True, slots=True)
class Baskets:
    """Exports (or imports) of every country of one classification and year.

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
    provenance
        Vintage and conversion of each filing; None without `[harmonise]`.
    is_mirror
        Whether a basket comes from the partners' imports, shape (n_countries,); None without `[mirror]`.
    in_world
        Whether a country is part of the references `world`, shape (n_countries,); None where all are.
    """

    codes: NDArray[np.int32]
    labels: list[str]
    products: list[str]
    values: F64Matrix
    residual: NDArray[np.float64]
    residual_share: NDArray[np.float64]
    in_total: bool
    is_rebuilt: NDArray[np.bool_]
    provenance: Provenance | None = None
    is_mirror: NDArray[np.bool_] | None = None
    in_world: NDArray[np.bool_] | None = None

    @property
    def outside(self) -> NDArray[np.float64]:
        """Exports in the totals that are not among the products, shape (n_countries,), USD."""
        return self.residual if self.in_total else np.zeros_like(self.residual)

    def reported(self, rows: NDArray[np.intp]) -> Baskets:
        """Baskets of some countries, with the products that any of them exports; none of them is mirrored."""
        occurs: NDArray[np.bool_] = np.any(self.values[rows] > 0, axis=0)
        return replace(self.some(rows, occurs), is_mirror=None, in_world=None)

    def some(self, rows: NDArray[np.intp], inside: NDArray[np.bool_]) -> Baskets:
        """Baskets of some countries and products."""
        pick = rows.tolist()
        return replace(
            self,
            codes=self.codes[rows],
            labels=[self.labels[k] for k in pick],
            products=[
                product for product, is_in in zip(self.products, inside.tolist(), strict=True) if is_in
            ],
            values=np.ascontiguousarray(self.values[np.ix_(rows, inside)]),
            residual=self.residual[rows],
            residual_share=self.residual_share[rows],
            is_rebuilt=self.is_rebuilt[rows],
            provenance=self.provenance and self.provenance.take(rows),
            is_mirror=None if self.is_mirror is None else self.is_mirror[rows],
            in_world=None if self.in_world is None else self.in_world[rows],
        )

    def shares(self) -> F64Matrix:
        """Export shares, shape (n_countries, n_products); a country without exports has zeros."""
        return shares_of(self.values, self.outside)


def shares_of(values: NDArray[Any], outside: NDArray[np.float64] | float = 0.0) -> NDArray[Any]:
    """Values, shape (..., n_products), divided by their sum plus `outside`; a basket of zeros stays zero."""
    total = (values.sum(axis=-1) + outside)[..., None]
    shares: NDArray[Any] = np.divide(values, total, out=np.zeros_like(values), where=total > 0)
    return shares


def gather(
    files: Sequence[Path],
    *,
    basis: AnyBasis,
    residual: Residual,
    levels: Sequence[int] = (6,),
    harmoniser: Harmoniser | None = None,
    further: Callable[[Baskets], Baskets] | None = None,
) -> list[Baskets]:
    """World exports (or imports) from the flows of one classification and year, at each of the levels.

    Parameters
    ----------
    files
        Flows files, in order of their reporter codes.
    basis
        `X` total exports, `DX` domestic exports, `X-RX` total less re-exports (never below 0), `M` imports.
    residual
        Codes 9999xx: `exclude` them, `keep` them as products, or count them in the `denominator` only.
    levels
        Digits of the product codes, 6 or fewer.
    harmoniser
        Converts files of several classifications to one; None if all have the same.
    further
        Called with the six-digit baskets; adds countries to them.
    """
    rows = scan_products(files, basis, pl.col("partner_code") == WORLD).collect(engine="streaming")
    rows, products, column = ranked(rows, level=min(levels) if harmoniser is None else FINEST)
    reporter, value = rows["reporter"].to_numpy(), rows["value"].to_numpy()
    codes = np.flatnonzero(np.bincount(reporter)).astype(np.int32)
    row = np.searchsorted(codes, reporter)
    rebuilt = row[rows["is_rebuilt"].to_numpy()]
    origin = None
    if harmoniser is not None:
        from minsum.esi.harmonised import Filed, brought_together, provenance

        vintage_of = {partition_key(path)[2]: partition_key(path)[0] for path in files}
        filers = codes.tolist()
        filed = Filed(row, column, value, [vintage_of[code] for code in filers], products.to_list())
        units = [harmoniser.unit(code) for code in filers]
        codes, unit = np.unique(np.array(units, np.int32), return_inverse=True)
        origin = provenance(filed, filers, unit, harmoniser, with_residual=residual != "exclude")
        together = brought_together(filed, harmoniser)
        row, column, value = unit[row[together.origin]], together.product, together.usd
        rebuilt, products = unit[rebuilt], pl.Series(together.products, dtype=pl.String)
    cells = np.bincount(row * len(products) + column, value, minlength=len(codes) * len(products))
    net = cells.astype(np.float64, copy=False).reshape(len(codes), len(products))
    is_residual = products.str.starts_with(RESIDUAL_HEADING).to_numpy()
    residual_usd, total = net[:, is_residual].sum(axis=1), net.sum(axis=1)
    inside = np.ones_like(is_residual) if residual == "keep" else ~is_residual
    finest = Baskets(
        codes=codes, labels=[iso3_of(code) for code in codes.tolist()],
        products=products.filter(pl.Series(inside)).to_list(), values=net if inside.all() else net[:, inside],
        residual=np.zeros(len(codes)) if residual == "keep" else residual_usd,
        residual_share=np.divide(residual_usd, total, out=np.zeros(len(codes)), where=total > 0),
        in_total=residual == "denominator", is_rebuilt=np.bincount(rebuilt, minlength=len(codes)) > 0,
        provenance=origin,
    )  # fmt: skip
    finest = further(finest) if further else finest
    return [_at_level(finest, level) for level in levels]


def ranked(rows: pl.DataFrame, *, level: int) -> tuple[pl.DataFrame, pl.Series, NDArray[Any]]:
    """Rows of countries with enough digits, their distinct product codes in order, and each row's index into these."""
    codes = rows["product_code"].unique().sort()
    if len(short := codes.filter(codes.str.len_bytes() < level)):
        is_short = pl.col("product_code").is_in(short.implode())
        rows = rows.filter(~is_short.any().over("reporter"))
        codes = rows["product_code"].unique().sort()
    return rows, codes, rows["product_code"].cast(pl.Enum(codes)).to_physical().cast(pl.UInt32).to_numpy()


def scan_products(files: Sequence[Path], basis: AnyBasis, partners: pl.Expr) -> pl.LazyFrame:
    """Columns reporter, partner_code, product_code, value (signed as the basis wants it) and is_rebuilt."""
    flow, value = pl.col("flow"), pl.col("value_usd")
    wanted = flow == ADDED[basis]
    if (less := SUBTRACTED[basis]) is not None:
        wanted, value = wanted | (flow == less), pl.when(flow == less).then(-value).otherwise(value)
    return (
        _scan_flows(files)
        .filter(wanted, partners, pl.col("product_code") != TOTAL)
        .select(pl.col("reporter").cast(pl.Int32), "partner_code", "product_code", "is_rebuilt", value=value)
    )


def _scan_flows(files: Sequence[Path]) -> pl.LazyFrame:
    """The columns that all flows files have, and the reporter."""
    bring(files)
    if all("=" not in str(path.parents[3]) for path in files):
        return pl.scan_parquet(list(files), glob=False, hive_partitioning=True, extra_columns="ignore")
    # Polars would also take folders above the lake, such as `year=2015`, for keys.
    names = [column.name for column in TABLES["flows"]]
    return pl.concat(
        pl.scan_parquet(path, glob=False, hive_partitioning=False)
        .select(names)
        .with_columns(reporter=pl.lit(partition_key(path)[2], pl.Int32))
        for path in files
    )


def _at_level(net: Baskets, level: int) -> Baskets:
    """Sum the products with the same prefix; negative sums (re-exports above exports) become 0.

    Countries whose products have fewer digits are left out.
    """
    is_short = np.array([len(product) < level for product in net.products], dtype=np.bool_)
    if is_short.any():
        net = net.some(np.flatnonzero(~(net.values[:, is_short] != 0).any(axis=1)), ~is_short)
    heads = [product[:level] for product in net.products]
    starts = [k for k, head in enumerate(heads) if k == 0 or head != heads[k - 1]]
    added = np.add.reduceat(net.values, starts, axis=1) if len(starts) < len(heads) else net.values
    return replace(net, products=[heads[k] for k in starts], values=np.maximum(added, 0.0))
