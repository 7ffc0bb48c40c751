"""Baskets of countries that filed nothing, from what their partners say they import from them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from minsum.countries import code_of, codes_of, iso3_of
from minsum.esi.baskets import Baskets, ranked, scan_products
from minsum.esi.harmonised import Filed, Provenance, brought_together, provenance
from minsum.esi.options import MirrorOptions
from minsum.workspace import partition_key

if TYPE_CHECKING:
    from minsum.harmonise.harmoniser import Harmoniser


@dataclass(frozen=True, slots=True)
class Mirror:
    """What a country's partners imported from it in one year.

    Attributes
    ----------
    code
        Comtrade code of the country.
    partners
        Codes of the reporters that imported from it.
    values
        Product of the target to USD, already divided by `cif`.
    origin
        Provenance of the one basket.
    """

    code: int
    partners: list[int]
    values: dict[str, float]
    origin: Provenance


def candidates(options: MirrorOptions, filed: Collection[int]) -> dict[int, str]:
    """Partner codes of the countries that may be mirrored, to their labels.

    Parameters
    ----------
    options
        Which are asked for; none means every economy with an ISO code, and Taiwan.
    filed
        Codes of all that filed in the year, in any vintage: none of them is mirrored.
    """
    import pycountry

    economies = {str(country.alpha_3) for country in pycountry.countries} | {"S19"}
    labels = set(options.reporters) or economies
    absent = sorted(labels - {iso3_of(code) for code in filed})
    return {code: label for label in absent for code in codes_of(label)}


def mirrors(
    files: Sequence[Path], wanted: Mapping[int, str], options: MirrorOptions, harmoniser: Harmoniser
) -> list[Mirror]:
    """Mirror baskets of the countries that enough partners imported from, in order of their codes.

    Parameters
    ----------
    files
        Flows that count in the year, of the partners.
    wanted
        Partner code to label.
    options
        How many partners are enough, and `cif`.
    harmoniser
        Brings the partners' imports to the target, each from the vintage that the partner filed.
    """
    rows = scan_products(files, "M", pl.col("partner_code").is_in(list(wanted))).collect(engine="streaming")
    rows = rows.filter(pl.col("value") > 0).with_columns(
        country=pl.col("partner_code").replace_strict(
            {code: code_of(label) for code, label in wanted.items()}, return_dtype=pl.Int32
        )
    )
    vintage_of = {partition_key(path)[2]: partition_key(path)[0] for path in files}
    found = []
    for (code,), own in sorted(rows.partition_by("country", as_dict=True, maintain_order=True).items()):
        reporter = own["reporter"].to_numpy()
        partners = np.unique(reporter)
        if len(partners) < options.min_partners:
            continue
        products, column = ranked(own["product_code"])
        row = np.searchsorted(partners, reporter)
        vintages = [vintage_of[partner] for partner in partners.tolist()]
        filed = Filed(row, column, own["value"].to_numpy() / options.cif, vintages, products.to_list())
        together = brought_together(filed, harmoniser)
        one_unit = np.zeros(len(partners), dtype=np.intp)
        origin = provenance(filed, partners.tolist(), one_unit, harmoniser, with_residual=False)
        usd = np.bincount(together.product, together.usd, len(together.products))
        found.append(
            Mirror(
                int(code), partners.tolist(), dict(zip(together.products, usd.tolist(), strict=True)), origin
            )
        )
    return found


def with_mirrors(
    baskets: Baskets, found: Sequence[Mirror], *, keep_residual: bool, in_world: bool
) -> Baskets:
    """Baskets at six digits with the mirror baskets as further countries, in order of all codes."""
    n = len(baskets.labels)
    is_mirror = np.append(np.zeros(n, dtype=np.bool_), np.ones(len(found), dtype=np.bool_))
    if not found or baskets.provenance is None:
        return replace(baskets, is_mirror=is_mirror)
    inside = [
        {code: usd for code, usd in one.values.items() if keep_residual or not code.startswith("9999")}
        for one in found
    ]
    products = sorted(set(baskets.products).union(*inside))
    place = {product: k for k, product in enumerate(products)}
    values = np.zeros((n + len(found), len(products)))
    values[:n, [place[product] for product in baskets.products]] = baskets.values
    outside = np.zeros(len(found))
    total = np.array([sum(one.values.values()) for one in found])
    residual = np.array(
        [sum(usd for code, usd in one.values.items() if code.startswith("9999")) for one in found]
    )
    for k, basket in enumerate(inside):
        values[n + k, [place[product] for product in basket]] = list(basket.values())
        outside[k] = 0.0 if keep_residual else residual[k]
    codes = np.append(baskets.codes, np.array([one.code for one in found], dtype=np.int32))
    order = np.argsort(codes, kind="stable")
    share = np.divide(residual, total, out=np.zeros(len(found)), where=total > 0)
    return replace(
        baskets,
        codes=codes[order],
        labels=[iso3_of(code) for code in codes[order].tolist()],
        products=products,
        values=values[order],
        residual=np.append(baskets.residual, outside)[order],
        residual_share=np.append(baskets.residual_share, share)[order],
        is_rebuilt=np.append(baskets.is_rebuilt, np.zeros(len(found), dtype=np.bool_))[order],
        provenance=_with(baskets.provenance, [one.origin for one in found], order),
        is_mirror=is_mirror[order],
        in_world=None if in_world else ~is_mirror[order],
    )


def facts_of(found: Iterable[Mirror]) -> dict[str, Any]:
    """For the footer: code to partners, products and USD."""
    return {
        str(one.code): {
            "partners": one.partners,
            "n_products": len(one.values),
            "exports_usd": sum(one.values.values()),
        }
        for one in found
    }


def _with(own: Provenance, others: Sequence[Provenance], order: NDArray[np.intp]) -> Provenance:
    spans = [*own.spans, *(one.spans[0] for one in others)]
    return replace(
        own,
        spans=[spans[k] for k in order.tolist()],
        converted=np.concatenate([own.converted, *(one.converted for one in others)])[order],
        is_merged=np.concatenate([own.is_merged, *(one.is_merged for one in others)])[order],
    )
