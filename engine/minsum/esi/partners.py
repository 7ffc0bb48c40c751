"""Which part of a country's exports goes to some partners."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import polars as pl

from minsum.countries.codes import WORLD
from minsum.workspace.layout import partition_key


def exports_to(filings: Sequence[Path], partners: Collection[int], *, year: int) -> float | None:
    """Share of exports to these partners in the filing nearest to a year, the newer vintage first; None without any."""
    if not filings:
        return None

    def distance(path: Path) -> tuple[int, int, str]:
        vintage, filed, _ = partition_key(path)
        return abs(filed - year), -filed, f"{9 - int(vintage[1:])}"

    nearest = min(filings, key=distance)
    sums = (
        pl.scan_parquet(nearest, glob=False, hive_partitioning=False)
        .filter(pl.col("flow") == "X", pl.col("partner_code") != WORLD, pl.col("product_code") != "TOTAL")
        .select(
            all=pl.col("value_usd").sum(),
            ours=pl.col("value_usd").filter(pl.col("partner_code").is_in(list(partners))).sum(),
        )
        .collect()
    )
    whole, ours = sums.row(0)
    return ours / whole if whole else None
