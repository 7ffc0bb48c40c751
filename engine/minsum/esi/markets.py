"""Similarity within each market, and its mean over markets (docs/definitions.md)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

import numpy as np

from minsum.esi.baskets import F64Matrix
from minsum.esi.bilateral import Bilateral
from minsum.esi.columns import labelled, table_of
from minsum_kernels import market_min_sum

if TYPE_CHECKING:
    import pyarrow as pa


class MarketSimilarity:
    """Tables `market_esi`, market by market, and then `market_mean`.

    Parameters
    ----------
    bilateral
        Exports by market.
    year
        Goes into the tables.
    reporters
        ISO3 labels: only pairs with one of them; empty means all.

    Notes
    -----
    ESI_irm = sum_j min(s_ijm, s_rjm), s_ijm the share of product j in i's exports to m: Finger & Kreinin
    (1979), Economic Journal 89, 905-912. The mean over markets has the weights of Glick & Rose (1999),
    Journal of International Money and Finance 18, 603-617: w_irm = (v_im + v_rm) / (v_i + v_r), v exports.
    A market where only one of the two sells counts, with similarity 0.
    """

    def __init__(self, bilateral: Bilateral, *, year: int, reporters: Collection[str] = ()) -> None:
        self._bilateral = bilateral
        self._year = year
        labels = np.array(bilateral.exporters.labels, dtype=np.str_)
        wanted = np.isin(labels, list(reporters)) if reporters else np.ones(len(labels), dtype=np.bool_)
        # Above the diagonal, without the pairs of a state and its predecessor, which share a label.
        self._pairs = np.triu(labels[:, None] < labels) & (wanted[:, None] | wanted)
        self._weighted = np.zeros(self._pairs.shape)
        self._n_markets = np.zeros(self._pairs.shape, dtype=np.int32)

    def tables(self) -> Iterator[pa.Table]:
        """Tables of pairs with a positive similarity, market by market, sorted; at least one table, which may be empty."""
        flows = self._bilateral.flows
        matrices = market_min_sum(
            flows.market, flows.product, flows.exporter, self._bilateral.shares(), len(self._pairs)
        )
        yield self._market_table(0, np.zeros(self._pairs.shape))
        for market, similarity in matrices:
            exports = self._bilateral.exports_usd[:, market]
            self._weighted += (exports[:, None] + exports) * similarity
            self._n_markets += similarity > 0
            yield self._market_table(market, similarity)

    def mean_table(self) -> pa.Table:
        """Mean over markets, of every pair with a positive similarity in any market. Call it after `tables` is exhausted."""
        exports = self._bilateral.exports_usd.sum(axis=1)
        i, r = np.nonzero(self._pairs & (self._n_markets > 0))
        places = self._bilateral.exporters
        return table_of(
            {
                "year": np.full(len(i), self._year, dtype=np.int16),
                "reporter": labelled(i, places.labels),
                "reference": labelled(r, places.labels),
                "esi": self._weighted[i, r] / (exports[i] + exports[r]),
                "n_markets": self._n_markets[i, r],
                "reporter_code": places.codes[i],
                "reference_code": places.codes[r],
            }
        )

    def _market_table(self, market: int, similarity: F64Matrix) -> pa.Table:
        i, r = np.nonzero(self._pairs & (similarity > 0))
        exporters, markets = self._bilateral.exporters, self._bilateral.markets
        here = np.full(len(i), market, dtype=np.int32)
        return table_of(
            {
                "year": np.full(len(i), self._year, dtype=np.int16),
                "market": labelled(here, markets.labels),
                "reporter": labelled(i, exporters.labels),
                "reference": labelled(r, exporters.labels),
                "esi": similarity[i, r],
                "market_code": markets.codes[here],
                "reporter_code": exporters.codes[i],
                "reference_code": exporters.codes[r],
            }
        )
