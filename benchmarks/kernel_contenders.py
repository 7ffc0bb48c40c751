"""Data and programs that `bench_kernels.py` lets compete: each turns the same data into the same numbers."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minsum.bench.peak import min_adds_at_peak
from minsum_kernels import market_min_sum, pairwise_min_sum

F64Array = NDArray[np.float64]

THREADS = len(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True)
class World:
    """Size of the synthetic data."""

    countries: int
    products: int
    years: int
    markets: int


@dataclass(frozen=True, slots=True)
class Flows:
    """Bilateral flows, sorted; a slice takes markets by position."""

    market: NDArray[np.int32]
    product: NDArray[np.int32]
    exporter: NDArray[np.int32]
    share: F64Array
    n_exporters: int

    def __len__(self) -> int:
        return int(self.market[-1]) + 1

    def __getitem__(self, markets: slice) -> Flows:
        first, last = np.searchsorted(self.market, [markets.start or 0, markets.stop])
        columns = ("market", "product", "exporter", "share")
        return replace(self, **{name: getattr(self, name)[first:last] for name in columns})


def baskets(world: World) -> list[F64Array]:
    """Heavy-tailed export shares, one (countries, products) matrix per year; four in ten are zero."""
    rng = np.random.default_rng(2002)
    size = (world.countries, world.products)
    values = [rng.lognormal(0, 3, size) * (rng.random(size) < 0.6) for _ in range(world.years)]
    return [value / value.sum(axis=1, keepdims=True) for value in values]


def bilateral(world: World) -> Flows:
    """Heavy-tailed flows: few exporters, products and markets make most of them, one cell in 25 is filled."""
    rng = np.random.default_rng(2024)
    exporters, products, markets = (
        rng.lognormal(0, spread, n)
        for spread, n in ((1.8, world.countries), (0.8, world.products), (0.8, world.markets))
    )
    columns = []
    for m, openness in enumerate(markets):
        odds = 0.025 * openness * np.outer(products, exporters)
        product, exporter = np.nonzero(rng.random(odds.shape) * (1 + odds) < odds)
        columns.append((np.full(product.size, m), product, exporter, rng.lognormal(0, 3, product.size)))
    market, product, exporter, value = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    return with_shares(market, product, exporter, value)


def flows_from(path: Path) -> Flows:
    """Flows of a Parquet file with exporter, importer, hs6 and value_usd."""
    import polars as pl

    codes = ["importer", "hs6", "exporter"]
    numbered = [pl.col(code).cast(pl.String).rank("dense").cast(pl.Int32) - 1 for code in codes]
    table = pl.read_parquet(path).select(*numbered, "value_usd").sort(codes)
    return with_shares(*(table[name].to_numpy() for name in table.columns))


def with_shares(
    market: NDArray[Any], product: NDArray[Any], exporter: NDArray[Any], value: NDArray[Any]
) -> Flows:
    """Divide each value by the exporter's sum in the market."""
    n_exporters = int(exporter.max()) + 1
    cell = market.astype(np.int64) * n_exporters + exporter
    share = value / np.bincount(cell, weights=value)[cell]
    market, product, exporter = (codes.astype(np.int32) for codes in (market, product, exporter))
    return Flows(market, product, exporter, share, n_exporters)


@functools.cache
def upper(n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return np.triu_indices(n, k=1)


def condensed(matrices: Sequence[F64Array]) -> F64Array:
    """Pairs i < j of every matrix, in the order of scipy's condensed distances."""
    return np.stack([matrix[upper(len(matrix))] for matrix in matrices])


def from_distances(years: Sequence[F64Array]) -> F64Array:
    """Similarities of condensed distances: half the distance is missing from 1."""
    return 1 - np.stack(years) / 2


def over_years(one_year: Callable[[F64Array], F64Array], years: list[F64Array]) -> list[F64Array]:
    """Give single-threaded programs all threads: one year each at a time."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(one_year, years))


def ours(years: list[F64Array]) -> list[F64Array]:
    return [pairwise_min_sum(shares) for shares in years]


def peak(years: list[F64Array], *, fused: bool) -> F64Array:
    """As many min-adds as the years need (the pairs i <= j), at the best rate these threads have."""
    n_countries, n_products = years[0].shape
    needed = n_countries * (n_countries + 1) // 2 * n_products
    return np.array([min_adds_at_peak(needed, fused=fused) for _ in years])


def scipy_pdist(years: list[F64Array], *, threaded: bool) -> list[F64Array]:
    """One call a year, which uses one thread; `threaded` gives each thread a year of its own."""
    from scipy.spatial.distance import pdist

    run = over_years if threaded else map
    return list(run(lambda shares: pdist(shares, "cityblock"), years))


def scikit_learn(years: list[F64Array]) -> list[F64Array]:
    from sklearn.metrics.pairwise import manhattan_distances

    return over_years(manhattan_distances, years)


def torch_pdist(years: list[F64Array]) -> list[F64Array]:
    import torch

    torch.set_num_threads(THREADS)
    return [torch.pdist(torch.from_numpy(shares), p=1).numpy() for shares in years]


def numpy_broadcasting(years: list[F64Array]) -> F64Array:
    def one_year(shares: F64Array) -> F64Array:
        return np.concatenate([np.minimum(row, shares[i + 1 :]).sum(axis=1) for i, row in enumerate(shares)])

    return np.stack(over_years(one_year, years))


def positive(years: list[F64Array]) -> dict[str, NDArray[Any]]:
    """The shares above 0 as columns."""
    stacked = np.stack(years)
    year, country, product = np.nonzero(stacked)
    return {"year": year, "country": country, "product": product, "share": stacked[year, country, product]}


def duckdb_join(years: list[F64Array]) -> F64Array:
    import duckdb
    import pyarrow

    with duckdb.connect(config={"threads": THREADS}) as connection:
        connection.register("shares", pyarrow.table(positive(years)))
        answer = connection.execute(
            "SELECT sum(least(a.share, b.share)) AS similarity"
            " FROM shares a JOIN shares b USING (year, product) WHERE a.country < b.country"
            " GROUP BY year, a.country, b.country ORDER BY year, a.country, b.country"
        ).fetchnumpy()
    return np.asarray(answer["similarity"]).reshape(len(years), -1)


def polars_join(years: list[F64Array]) -> F64Array:
    import polars as pl

    shares = pl.LazyFrame(positive(years))
    pair = ["year", "country", "country_right"]
    joined = shares.join(shares, on=["year", "product"]).filter(pl.col("country") < pl.col("country_right"))
    answer = joined.group_by(pair).agg(pl.min_horizontal("share", "share_right").sum()).sort(pair).collect()
    return answer["share"].to_numpy().reshape(len(years), -1)


def our_markets(flows: Flows) -> F64Array:
    columns = (flows.market, flows.product, flows.exporter, flows.share, flows.n_exporters)
    return np.stack([matrix[upper(flows.n_exporters)].sum() for _, matrix in market_min_sum(*columns)])


def dense_markets(flows: Flows) -> F64Array:
    sums = []
    for m in range(len(flows)):
        market = flows[m : m + 1]
        shares = np.zeros((flows.n_exporters, int(flows.product.max()) + 1))
        shares[market.exporter, market.product] = market.share
        sums.append(pairwise_min_sum(shares)[upper(flows.n_exporters)].sum())
    return np.stack(sums)


def duckdb_markets(flows: Flows) -> F64Array:
    import duckdb
    import pyarrow

    names = ("market", "product", "exporter", "share")
    with duckdb.connect(config={"threads": THREADS}) as connection:
        connection.register("flows", pyarrow.table({name: getattr(flows, name) for name in names}))
        answer = connection.execute(
            "SELECT market, sum(similarity) AS total FROM ("
            " SELECT market, sum(least(a.share, b.share)) AS similarity"
            " FROM flows a JOIN flows b USING (market, product) WHERE a.exporter < b.exporter"
            " GROUP BY market, a.exporter, b.exporter) GROUP BY market ORDER BY market"
        ).fetchnumpy()
    return np.asarray(answer["total"])
