"""`coverage.parquet`: one row per reporter-year of the lake, from the footers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from minsum.countries import iso3_of
from minsum.schema import HARMONISED, TABLES, check_table
from minsum.workspace import (
    Footer,
    Layout,
    digest,
    footer_digest,
    partition_key,
    publish_table,
    read_footer,
)

RECIPE: Final = "coverage-1"


Facts = dict[str, dict[str, Any]]
"""`H5/2014/156` to the columns `schema.HARMONISED` of that reporter-year."""


def write_coverage(layout: Layout, flows: Mapping[Path, Footer], facts: Facts | None = None) -> bool:
    """Bring `coverage.parquet` up to date with the footers of all flows files; False when it was current.

    Parameters
    ----------
    layout
        The workspace.
    flows
        Footers by flows file.
    facts
        How each reporter-year was brought to the target; None where vintages stay apart.
    """
    footers = {partition_key(path): footer for path, footer in flows.items()}
    mark = coverage_mark(footers, facts)
    if footer_digest(layout.coverage) == mark:
        return False
    further = () if facts is None else HARMONISED["coverage"]
    columns = (*TABLES["coverage"], *further)
    nothing = {column.name: None for column in further}
    rows = [_row(key, one) | nothing | (facts or {}).get(_name(key), {}) for key, one in footers.items()]
    known = {_name(key) for key in footers}
    blank = dict.fromkeys(column.name for column in columns)
    rows += [blank | one for name, one in sorted((facts or {}).items()) if name not in known]
    types = {
        "string": pa.string(),
        "int16": pa.int16(),
        "int32": pa.int32(),
        "int64": pa.int64(),
        "double": pa.float64(),
    }
    schema = pa.schema([(column.name, types[column.dtype]) for column in columns])
    table = pa.Table.from_pylist(rows, schema=schema)
    check_table(table, "coverage")
    entry: Footer = {"stage": "coverage", "recipe": RECIPE, "digest": mark}
    together = {} if facts is None else {"harmonised": facts}
    publish_table(table, layout.coverage, footer=entry | together, layout=layout)
    return True


def coverage_mark(footers: dict[tuple[str, int, int], Footer], facts: Facts | None = None) -> str:
    """Digest of a coverage table made from these footers."""
    together = [] if facts is None else [facts]
    return digest([RECIPE, [[*key, footer] for key, footer in footers.items()], *together])


def facts_of(layout: Layout) -> Facts | None:
    """How the reporter-years of the present coverage table were brought to a target; None where they were not."""
    return read_footer(layout.coverage).get("harmonised") if layout.coverage.is_file() else None


def _name(key: tuple[str, int, int]) -> str:
    return "/".join(str(part) for part in key)


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
