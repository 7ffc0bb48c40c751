"""Similarity of where countries sell, and of what they sell where (docs/definitions.md)."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from minsum.esi.baskets import F64Matrix, shares_of
from minsum.esi.bilateral import Bilateral
from minsum.esi.columns import labelled, table_of
from minsum_kernels import market_min_sum, pairwise_min_sum

if TYPE_CHECKING:
    import pyarrow as pa


def destination_table(
    bilateral: Bilateral, *, year: int, reporters: Collection[str] = (), with_overlap: bool = False
) -> pa.Table:
    """Table `destination_esi`: every ordered pair of different countries that export at all, sorted.

    Parameters
    ----------
    bilateral
        Exports by market.
    year
        Goes into the table.
    reporters
        ISO3 labels of the rows; empty means all.
    with_overlap
        Whether the column `overlap_usd` follows.

    Notes
    -----
    partner_esi_ir = sum_m min(s_im, s_rm), s_im the share of market m in i's exports. cell_esi_ir = sum over
    products j and markets m of min(s_ijm, s_rjm), s_ijm the share of product j to market m. The index of Finger &
    Kreinin (1979) over another axis; a cell_esi never exceeds the partner_esi.
    """
    exporters = bilateral.exporters
    partner, cell = similarities(bilateral)
    labels = np.array(exporters.labels, dtype=np.str_)
    sells = bilateral.exports_usd.sum(axis=1) > 0
    rows = sells & np.isin(labels, list(reporters)) if reporters else sells
    i, r = np.nonzero(rows[:, None] & sells & (labels[:, None] != labels))
    overlap = {"overlap_usd": overlaps(bilateral)[i, r]} if with_overlap else {}
    return table_of(
        {
            "year": np.full(len(i), year, dtype=np.int16),
            "reporter": labelled(i, exporters.labels),
            "reference": labelled(r, exporters.labels),
            "partner_esi": partner[i, r],
            "cell_esi": cell[i, r],
            "reporter_code": exporters.codes[i],
            "reference_code": exporters.codes[r],
        }
        | overlap
    )


def overlaps(bilateral: Bilateral) -> F64Matrix:
    """Exports in common, sum over products of min(v_ij, v_rj), v over all destinations, shape (n_exporters, n_exporters), USD."""
    flows, n = bilateral.flows, len(bilateral.exporters.labels)
    n_products = int(flows.product.max(initial=-1)) + 1
    cell = flows.exporter * np.int64(n_products) + flows.product
    values = np.bincount(cell, flows.usd, n * n_products).astype(np.float64).reshape(n, n_products)
    return pairwise_min_sum(values)


def similarities(bilateral: Bilateral) -> tuple[F64Matrix, F64Matrix]:
    """Of destinations, and of product x destination cells, shape (n_exporters, n_exporters) each, unit 1."""
    flows, exports = bilateral.flows, bilateral.exports_usd
    partner = pairwise_min_sum(np.ascontiguousarray(shares_of(exports)))
    share = flows.usd / exports.sum(axis=1)[flows.exporter]
    cell = np.zeros_like(partner)
    for _, similarity in market_min_sum(flows.market, flows.product, flows.exporter, share, len(exports)):
        cell += similarity
    return partner, cell
