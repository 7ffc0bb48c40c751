"""Lakes of flows for `bench_esi.py`: synthetic ones, and the real bilateral flows of one year."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from minsum.countries.codes import code_of, iso3_of, labels
from minsum.flows.lake import as_parts
from minsum.flows.repairs import build
from minsum.synth.economies import in_order_of_choice
from minsum.synth.nomenclature import nomenclature
from minsum.workspace.layout import Layout
from minsum.workspace.publish import publish_parts

CLASSIFICATION = "H2"


@dataclass(frozen=True, slots=True)
class LakeSpec:
    """Size of a synthetic lake.

    Attributes
    ----------
    reporters, years, products
        How many of each.
    partners
        Bilateral rows of an export of one product, on average; imports have as many.
    mean_products
        Products a country exports, on average: the largest exports nearly all, the smallest a few hundred.
    """

    reporters: int = 200
    years: int = 22
    products: int = 5_200
    partners: float = 10.0
    mean_products: int = 2_230

    @property
    def name(self) -> str:
        """For folders and records."""
        return f"{self.reporters}x{self.years}x{self.products}-{self.partners:g}"


def write_synthetic(layout: Layout, spec: LakeSpec, *, threads: int) -> None:
    """Publish a lake of this size, unless it is there; the same spec gives the same bytes."""
    codes = sorted(in_order_of_choice()[: spec.reporters])
    products = pl.Series(nomenclature(spec.products).codes[: spec.products].tolist(), dtype=pl.Categorical)
    cells = [(code, 2002 + year) for year in range(spec.years) for code in codes]

    def write(cell: tuple[int, int]) -> None:
        code, year = cell
        target = layout.partition(CLASSIFICATION, year, code)
        if not target.is_file():
            size = 1 - codes.index(code) / len(codes)
            rng = np.random.default_rng([code, year])
            partners = np.array([one for one in codes if one != code], dtype=np.int32)
            exports = _bilateral(spec, rng, "X", size=size, partners=partners, products=products)
            imports = _bilateral(spec, rng, "M", size=1.0, partners=partners, products=products)
            _publish(layout, [exports, imports], target)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(write, cells))


def _bilateral(
    spec: LakeSpec, rng: np.random.Generator, flow: str, *, size: float, partners: NDArray[np.int32], products: pl.Series,
) -> pl.DataFrame:  # fmt: skip
    """Heavy-tailed flows of a country of this size, from 0 to 1, without World and TOTAL rows."""
    share = spec.mean_products / spec.products
    traded = rng.choice(
        len(products), round(spec.products * (0.05 + 0.94 * size ** (1 / share - 1))), replace=False
    )
    n_rows = round(len(traded) * spec.partners * (0.4 + 1.2 * size if flow == "X" else 0.45))
    pair = rng.choice(len(traded) * len(partners), n_rows, replace=False)
    return pl.DataFrame({
        "partner_code": partners[pair // len(traded)],
        "product_code": products[traded[pair % len(traded)]],
        "value_usd": np.maximum(np.round(rng.lognormal(9.0, 2.5, n_rows), 2), 0.01),
    }).select(pl.lit(flow, pl.Categorical).alias("flow"), pl.all())  # fmt: skip


def write_real(layout: Layout, file: Path, year: int) -> None:
    """Publish exports and, mirrored, imports of every country in a Parquet of bilateral flows.

    Parameters
    ----------
    layout
        Where.
    file
        Columns exporter, importer (ISO3), hs6 and value_usd.
    year
        Of the flows.
    """
    table = pl.read_parquet(file)
    numbers = {iso3: code_of(iso3) if iso3 in labels().values() else 0 for iso3 in _names(table)}
    countries = ("exporter", "importer")
    coded = table.select(
        pl.col(countries).cast(pl.String).replace_strict(numbers, return_dtype=pl.Int32),
        pl.col("hs6").cast(pl.String).cast(pl.Categorical).alias("product_code"),
        pl.col("value_usd").cast(pl.Float64),
    ).filter(pl.col(one) > 0 for one in countries)
    exports, imports = (coded.partition_by(one, as_dict=True) for one in countries)
    for code in sorted(exports.keys() | imports.keys()):
        kept = [
            flows[code].select(
                pl.lit(flow, pl.Categorical).alias("flow"), pl.col(partner).alias("partner_code"), "product_code", "value_usd"
            )
            for flow, flows, partner in (("X", exports, "importer"), ("M", imports, "exporter"))
            if code in flows
        ]  # fmt: skip
        _publish(layout, kept, layout.partition("H5", year, int(code[0])))


def _names(table: pl.DataFrame) -> Sequence[str]:
    return sorted({*table["exporter"].cast(pl.String).unique(), *table["importer"].cast(pl.String).unique()})


def _publish(layout: Layout, kept: Sequence[pl.DataFrame], target: Path) -> None:
    built = build(kept, is_complete=True, has_world_rows=False)
    label, n_rows = iso3_of(int(target.parent.name.partition("=")[2])), sum(map(len, kept))
    source = {"name": f"{label}.synthetic", "format": "synthetic", "published": None, "sha256": label,
              "publisher": "synthetic", "is_complete": True, "rows_in": n_rows, "rows_kept": n_rows, "rules": {}}  # fmt: skip
    footer = {"stage": "flows", "recipe": "benchmark", "sources": [source], "superseded": [],
              "repairs": built.repairs, "checks": built.checks}  # fmt: skip
    publish_parts(as_parts(built.rows), target, footer=footer, layout=layout)
