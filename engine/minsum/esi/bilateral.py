"""Exports by market and product of one classification and year: input of the market kernel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from minsum.countries.codes import WORLD, is_group, iso3_of
from minsum.esi.baskets import RESIDUAL_HEADING, F64Matrix, ranked, scan_products
from minsum.harmonise.vintages import FINEST
from minsum.settings.esi import Esi, MarketEsi
from minsum.workspace.layout import partition_key

if TYPE_CHECKING:
    from minsum.harmonise.harmoniser import Harmoniser

I32 = NDArray[np.int32]
F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Places:
    """Countries sorted by label; elsewhere a country is its index here.

    Attributes
    ----------
    codes
        Comtrade codes, shape (n,).
    labels
        ISO3 labels, ascending; one may occur twice (a state and its predecessor).
    """

    codes: I32
    labels: list[str]

    @classmethod
    def of(cls, codes: Iterable[int]) -> Places:
        """The countries with these codes, sorted by label and code."""
        ordered = sorted((iso3_of(code), code) for code in codes)
        return cls(np.array([code for _, code in ordered], dtype=np.int32), [label for label, _ in ordered])

    def positions(self, codes: I32) -> I32:
        """Index of each code; -1 for a code that is not here."""
        lookup = np.full(max(codes.max(initial=0), self.codes.max(initial=0)) + 1, -1, dtype=np.int32)
        lookup[self.codes] = np.arange(len(self.codes), dtype=np.int32)
        positions: I32 = lookup[codes]
        return positions


@dataclass(frozen=True, slots=True)
class Flows:
    """Exports to markets, one entry per flow, shape (n_flows,) each; indices instead of codes."""

    market: I32
    product: I32
    exporter: I32
    usd: F64

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Flows:
        """The flows with these indices."""
        return Flows(self.market[rows], self.product[rows], self.exporter[rows], self.usd[rows])


@dataclass(frozen=True, slots=True)
class Bilateral:
    """Exports of every country to every market, each product once.

    Attributes
    ----------
    exporters, markets
        Exporting countries, and the markets they sell to.
    flows
        Sorted by market, product and exporter, all above 0.
    exports_usd
        Exports that count, the denominators of the shares, shape (n_exporters, n_markets), USD.
    """

    exporters: Places
    markets: Places
    flows: Flows
    exports_usd: F64Matrix

    def shares(self) -> F64:
        """Share of each flow in its exporter's exports to its market, shape (n_flows,), unit 1."""
        return self.flows.usd / self.exports_usd[self.flows.exporter, self.flows.market]


def gather_bilateral(
    files: Sequence[Path],
    options: Esi,
    chosen: MarketEsi,
    harmoniser: Harmoniser | None = None,
) -> Bilateral:
    """Exports by market from the flows of one classification and year.

    Parameters
    ----------
    files
        Flows files.
    options
        Basis, level and residual policy, as for baskets.
    chosen
        Markets, and the least exports of a country to a market that count.
    harmoniser
        Brings files of several classifications to one; None where all are of one.

    Notes
    -----
    Files are read in order of their exporters, so a stable sort by market and product leaves the exporters of
    each product in order.
    """
    path_of = {partition_key(path)[2]: path for path in files}
    unit_of = {code: code if harmoniser is None else harmoniser.unit(code) for code in path_of}
    exporters = Places.of(set(unit_of.values()))
    filers = sorted(path_of, key=lambda code: (exporters.codes.tolist().index(unit_of[code]), code))
    ordered = [path_of[code] for code in filers]
    scanned = scan_products(ordered, options.basis, pl.col("partner_code") != WORLD)
    rows = scanned.select("reporter", "partner_code", "product_code", "value").collect(engine="streaming")
    rows, codes, product = ranked(rows, level=options.level if harmoniser is None else FINEST)
    partner = rows["partner_code"].to_numpy()
    if harmoniser is not None and harmoniser.units:
        partner = _in_units(partner, harmoniser.units)
    markets = Places.of(_markets(partner, chosen.markets))
    places = exporters.positions(np.array([unit_of[code] for code in filers], dtype=np.int32))
    filer = np.full(max(filers, default=0) + 1, -1, dtype=np.int32)
    filer[filers] = np.arange(len(filers), dtype=np.int32)
    row, usd = filer[rows["reporter"].to_numpy()], rows["value"].to_numpy()
    if harmoniser is not None:
        from minsum.esi.harmonised import Filed, brought_together

        vintages = [partition_key(path)[0] for path in ordered]
        together = brought_together(Filed(row, product, usd, vintages, codes.to_list()), harmoniser)
        row, partner = row[together.origin], partner[together.origin]
        product, usd = together.product, together.usd
        codes = pl.Series(together.products, dtype=pl.String)
    positions = codes.str.slice(0, options.level).rank("dense").cast(pl.Int32).to_numpy() - 1
    is_residual = codes.str.starts_with(RESIDUAL_HEADING).to_numpy()
    flows = Flows(markets.positions(partner), positions[product], places[row], usd)
    outside = is_residual[product] & (options.residual != "keep")
    del rows, partner, product, row, usd
    residual = flows.take(outside & (flows.market >= 0))
    flows = _sorted(flows, ~outside & (flows.market >= 0))
    bilateral = Bilateral(exporters, markets, flows, np.zeros((len(exporters.labels), len(markets.labels))))
    exports = _totals(bilateral, flows)
    if options.residual == "denominator":
        exports += np.maximum(_totals(bilateral, residual), 0.0)
    return _thick(replace(bilateral, exports_usd=exports), chosen.min_flow_usd)


def _in_units(codes: I32, units: Mapping[int, int]) -> I32:
    """Codes, each member of a unit of several states replaced by the code of the unit."""
    lookup = np.arange(max(codes.max(initial=0), *units) + 1, dtype=np.int32)
    lookup[list(units)] = list(units.values())
    replaced: I32 = lookup[codes]
    return replaced


def _markets(partner: I32, wanted: Sequence[str]) -> list[int]:
    """Codes of the partners that are markets: no groups; if markets are named, only these."""
    found = [code for code in np.flatnonzero(np.bincount(partner)).tolist() if not is_group(code)]
    return [code for code in found if not wanted or iso3_of(code) in wanted]


def _sorted(flows: Flows, counts: NDArray[np.bool_]) -> Flows:
    """Sums by market, product and exporter, of the flows that count; only sums above 0.

    Market and product are derived from the sorted cells: sorting four columns of ten million flows took two thirds of
    the time.
    """
    n_products = flows.product.max(initial=0) + 1
    cell = flows.market * n_products + flows.product
    cell[~counts] = np.iinfo(cell.dtype).max  # these come last
    order = np.argsort(cell, kind="stable")[: np.count_nonzero(counts)]
    cell, exporter, usd = cell[order], flows.exporter[order], flows.usd[order]
    starts = np.append(True, (cell[1:] != cell[:-1]) | (exporter[1:] != exporter[:-1]))[: len(cell)]
    if not starts.all():
        first = np.flatnonzero(starts)
        cell, exporter, usd = cell[first], exporter[first], np.add.reduceat(usd, first)
    positive = usd > 0
    if not positive.all():
        cell, exporter, usd = cell[positive], exporter[positive], usd[positive]
    market, product = np.divmod(cell, n_products)
    return Flows(market, product, exporter, usd)


def _totals(bilateral: Bilateral, flows: Flows) -> F64Matrix:
    shape = bilateral.exports_usd.shape
    cell = flows.exporter * np.int64(shape[1]) + flows.market
    sums = np.bincount(cell, weights=flows.usd, minlength=shape[0] * shape[1])
    return sums.astype(np.float64, copy=False).reshape(shape)


def _thick(bilateral: Bilateral, min_flow_usd: float) -> Bilateral:
    """Remove the flows of exporters that sell less than the minimum to a market."""
    too_thin = bilateral.exports_usd < min_flow_usd
    if not too_thin.any():
        return bilateral
    keep = ~too_thin[bilateral.flows.exporter, bilateral.flows.market]
    exports = np.where(too_thin, 0.0, bilateral.exports_usd)
    return replace(bilateral, flows=bilateral.flows.take(keep), exports_usd=exports)
