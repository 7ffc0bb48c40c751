"""Table of data quality for the page: a row for each reporter-year with its repairs and sources."""

from __future__ import annotations

from typing import Any

import polars as pl

from minsum.countries.codes import is_group
from minsum.workspace.footers import flows_footers
from minsum.workspace.layout import Layout, partition_key


def quality_table(layout: Layout) -> pl.DataFrame:
    """Coverage, with the repairs and sources from the footers of the flows.

    Returns
    -------
    The columns of coverage, then repaired_rows, repaired_usd, repairs (names and rows) and sha256 of the sources.
    """
    coverage = pl.read_parquet(layout.coverage, glob=False)
    rows = []
    for path, footer in flows_footers(layout).items():
        classification, year, code = partition_key(path)
        repairs = footer["repairs"]
        rows.append(
            {
                "classification": classification,
                "year": year,
                "reporter_code": code,
                "is_group": is_group(code),
                "repaired_rows": sum(one["rows"] for one in repairs.values()),
                "repaired_usd": sum(one["usd"] for one in repairs.values()),
                "repairs": "; ".join(f"{name} {one['rows']}" for name, one in sorted(repairs.items())),
                "sha256": "; ".join(one["sha256"] for one in footer["sources"]),
            }
        )
    schema: dict[str, Any] = {
        "classification": pl.String,
        "year": pl.Int16,
        "reporter_code": pl.Int32,
        "is_group": pl.Boolean,
        "repaired_rows": pl.Int64,
        "repaired_usd": pl.Float64,
        "repairs": pl.String,
        "sha256": pl.String,
    }
    keys = ["classification", "year", "reporter_code"]
    return coverage.join(pl.DataFrame(rows, schema), on=keys, how="left", maintain_order="left")
