"""Baskets of countries that filed nothing, from their partners' reported imports."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from minsum.countries.codes import code_of, codes_of, iso3_of
from minsum.esi.baskets import Baskets, F64Matrix, ranked, scan_products
from minsum.esi.harmonised import Filed, Provenance, brought_together, provenance
from minsum.harmonise.vintages import FINEST, is_residual
from minsum.settings.esi import Mirror
from minsum.workspace.layout import partition_key

if TYPE_CHECKING:
    from minsum.harmonise.harmoniser import Harmoniser


@dataclass(frozen=True, slots=True)
class Mirrors:
    """Mirror baskets of one year.

    Attributes
    ----------
    codes
        Comtrade codes of the countries, ascending, shape (n_countries,).
    partners
        Codes of the reporters that imported from each.
    products
        Products of the target, ascending.
    values
        Imports of all partners together over `cif`, shape (n_countries, n_products), USD.
    origin
        Vintages of the partners' filings, and what was converted.
    """

    codes: NDArray[np.int32]
    partners: list[list[int]]
    products: list[str]
    values: F64Matrix
    origin: Provenance


def candidates(options: Mirror, filed: Collection[int]) -> dict[int, str]:
    """Partner code to label, of the countries that may be mirrored.

    Parameters
    ----------
    options
        Which are asked for; none means every economy with an ISO code, and Taiwan.
    filed
        Codes of all reporters of the year, in any vintage; none of them is mirrored.
    """
    import pycountry

    economies = {str(country.alpha_3) for country in pycountry.countries} | {"S19"}
    labels = set(options.reporters) or economies
    absent = sorted(labels - {iso3_of(code) for code in filed})
    return {code: label for label in absent for code in codes_of(label)}


def mirrors(
    files: Sequence[Path], wanted: Mapping[int, str], options: Mirror, harmoniser: Harmoniser
) -> Mirrors | None:
    """Mirror baskets of the countries with enough importing partners; None if there are none.

    Parameters
    ----------
    files
        Flows that count in the year, of the partners.
    wanted
        Partner code to label.
    options
        How many partners are enough, and `cif`.
    harmoniser
        Converts each partner's imports to the target vintage.
    """
    code_now = {code: code_of(label) for code, label in wanted.items()}
    rows = (
        scan_products(files, "M", pl.col("partner_code").is_in(list(wanted)))
        .filter(pl.col("value") > 0)
        .with_columns(country=pl.col("partner_code").replace_strict(code_now, return_dtype=pl.Int32))
        .filter(pl.col("reporter").n_unique().over("country") >= options.min_partners)
        .collect()
        .sort("country", "reporter", "product_code", maintain_order=True)
    )
    rows, products, column = ranked(rows, level=FINEST)
    if rows.is_empty():
        return None
    pairs = rows.select("country", "reporter").unique(maintain_order=True)
    filer = rows.select(pl.struct("country", "reporter").rle_id()).to_series().to_numpy().astype(np.intp)
    codes, unit = np.unique(pairs["country"].to_numpy(), return_inverse=True)
    vintage_of = {partition_key(path)[2]: partition_key(path)[0] for path in files}
    vintages = [vintage_of[partner] for partner in pairs["reporter"]]
    filed = Filed(filer, column, rows["value"].to_numpy() / options.cif, vintages, products.to_list())
    origin = provenance(filed, pairs["country"].to_list(), unit, harmoniser, with_residual=False)
    together = brought_together(filed, harmoniser)
    cell = unit[filer[together.origin]] * len(together.products) + together.product
    shape = (len(codes), len(together.products))
    values = np.bincount(cell, together.usd, shape[0] * shape[1]).astype(np.float64).reshape(shape)
    partners = [pairs.filter(country=code)["reporter"].to_list() for code in codes.tolist()]
    return Mirrors(codes.astype(np.int32), partners, together.products, values, origin)


def with_mirrors(baskets: Baskets, found: Mirrors | None, *, keep_residual: bool, in_world: bool) -> Baskets:
    """Six-digit baskets with the mirror baskets added, sorted by country code."""
    n, m = len(baskets.labels), 0 if found is None else len(found.codes)
    is_mirror = np.append(np.zeros(n, dtype=np.bool_), np.ones(m, dtype=np.bool_))
    if found is None or baskets.provenance is None:
        return replace(baskets, is_mirror=is_mirror)
    is_outside = np.array([is_residual(product) for product in found.products], dtype=np.bool_)
    inside = ~is_outside | keep_residual
    residual, total = found.values[:, is_outside].sum(axis=1), found.values.sum(axis=1)
    kept = [product for product, is_in in zip(found.products, inside.tolist(), strict=True) if is_in]
    products = sorted({*baskets.products, *kept})
    values = np.zeros((n + m, len(products)))
    values[:n, np.searchsorted(products, baskets.products)] = baskets.values
    values[n:, np.searchsorted(products, kept)] = found.values[:, inside]
    order = np.argsort(np.append(baskets.codes, found.codes), kind="stable")
    codes = np.append(baskets.codes, found.codes)[order]
    share = np.divide(residual, total, out=np.zeros(m), where=total > 0)
    outside = np.zeros(m) if keep_residual else residual
    return replace(
        baskets,
        codes=codes,
        labels=[iso3_of(code) for code in codes.tolist()],
        products=products,
        values=values[order],
        residual=np.append(baskets.residual, outside)[order],
        residual_share=np.append(baskets.residual_share, share)[order],
        is_rebuilt=np.append(baskets.is_rebuilt, np.zeros(m, dtype=np.bool_))[order],
        provenance=_with(baskets.provenance, found.origin, order),
        is_mirror=is_mirror[order],
        in_world=None if in_world else ~is_mirror[order],
    )


def facts_of(found: Mirrors | None) -> dict[str, Any]:
    """Entry of the footer: country code to partners, products and USD."""
    if found is None:
        return {}
    n_products, usd = (found.values > 0).sum(axis=1).tolist(), found.values.sum(axis=1).tolist()
    return {
        str(code): {"partners": partners, "n_products": count, "exports_usd": total}
        for code, partners, count, total in zip(
            found.codes.tolist(), found.partners, n_products, usd, strict=True
        )
    }


def _with(own: Provenance, others: Provenance, order: NDArray[np.intp]) -> Provenance:
    """Provenance of filed and mirrored baskets in the given order; `filings` holds filed baskets only."""
    both = replace(
        own,
        spans=[*own.spans, *others.spans],
        converted=np.append(own.converted, others.converted),
        is_merged=np.append(own.is_merged, others.is_merged),
    )
    return both.take(order)
