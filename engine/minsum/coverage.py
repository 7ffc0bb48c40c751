"""`coverage.parquet`: one row per reporter-year of the lake, from the footers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from minsum.countries import iso3_of
from minsum.marks import Mark, Plan, plan_of
from minsum.schema import TABLES, check_table
from minsum.workspace import Footer, Layout, partition_key, publish_table

RECIPE: Final = "coverage-1"


def coverage_plan(layout: Layout, flows: Mapping[Path, Footer]) -> Plan:
    """Whether `coverage.parquet` is what the footers of all flows files make it."""
    inputs = [[*partition_key(path), footer] for path, footer in flows.items()]
    return plan_of({layout.coverage: Mark("coverage", RECIPE, {}, inputs)}, [])


def write_coverage(layout: Layout, flows: Mapping[Path, Footer]) -> bool:
    """Bring `coverage.parquet` up to date with the footers of all flows files; False when it was current."""
    plan = coverage_plan(layout, flows)
    if not plan.redo:
        return False
    rows = [_row(partition_key(path), footer) for path, footer in flows.items()]
    types = {
        "string": pa.string(),
        "int16": pa.int16(),
        "int32": pa.int32(),
        "int64": pa.int64(),
        "double": pa.float64(),
    }
    schema = pa.schema([(column.name, types[column.dtype]) for column in TABLES["coverage"]])
    table = pa.Table.from_pylist(rows, schema=schema)
    check_table(table, "coverage")
    footer = {"stage": "coverage"} | plan.wanted[layout.coverage].record()
    publish_table(table, layout.coverage, footer=footer, layout=layout)
    return True


def _row(key: tuple[str, int, int], footer: Footer) -> dict[str, Any]:
    classification, year, code = key
    sources = footer["sources"]
    exports = footer["checks"].get("X", {})
    published = [source["published"] for source in sources if source["published"]]
    return {
        "classification": classification,
        "year": year,
        "reporter": iso3_of(code),
        "reporter_code": code,
        "source": "; ".join(source["name"] for source in sources),
        "format": sources[0]["format"],
        "published": max(published, default=None),
        "n_products": exports.get("n_products", 0),
        "exports_usd": exports.get("world_usd", 0.0),
        "residual_share": exports.get("residual_share"),
        "world_vs_partners": exports.get("world_vs_partners"),
        "total_vs_products": exports.get("total_vs_products"),
        "rows_in": sum(source["rows_in"] for source in sources),
        "rows_kept": sum(source["rows_kept"] for source in sources),
    }
