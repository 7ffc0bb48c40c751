"""`coverage.parquet`: one row per reporter-year of the lake, from the footers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow as pa

from minsum.countries.codes import iso3_of
from minsum.schema import HARMONISED, TABLES, check_table
from minsum.settings.check import Check
from minsum.sources.files import CUT_OFF_ROWS
from minsum.workspace.footers import Footer
from minsum.workspace.layout import Layout, partition_key
from minsum.workspace.marks import Mark, Plan, plan_of
from minsum.workspace.publish import publish_table

RECIPE: Final = "coverage-3"
_TYPES: Final[dict[str, type[pl.DataType]]] = {
    "string": pl.String,
    "int16": pl.Int16,
    "int32": pl.Int32,
    "int64": pl.Int64,
    "double": pl.Float64,
    "bool": pl.Boolean,
}


Facts = dict[str, dict[str, Any]]
"""Reporter-year, as `H5/2014/156`, to its columns `schema.HARMONISED`."""


@dataclass(frozen=True, slots=True)
class Together:
    """Inputs of the harmonised part of `coverage.parquet`, besides the flows.

    Attributes
    ----------
    options
        Of the harmoniser, and the years that are chosen.
    esi
        Classification and year of each table of similarities, whose footer says what was filed, to its digest.
    """

    options: Mapping[str, Any]
    esi: Mapping[str, str]


def coverage_plan(
    layout: Layout, flows: Mapping[Path, Footer], limits: Check, together: Together | None = None
) -> Plan:
    """Whether `coverage.parquet` is what the footers of all flows files make it.

    Parameters
    ----------
    layout
        The workspace.
    flows
        Footers by flows file.
    limits
        `[check]`, which decides column doubts.
    together
        None where vintages stay apart.
    """
    inputs: list[Any] = [[*partition_key(path), footer] for path, footer in flows.items()]
    recorded = limits.recorded()
    options: dict[str, Any] = {"check": recorded} if recorded else {}
    if together is not None:
        inputs, options = [inputs, together.esi], options | {"harmonise": together.options}
    return plan_of({layout.coverage: Mark("coverage", RECIPE, options, inputs)}, [])


def write_coverage(
    layout: Layout,
    flows: Mapping[Path, Footer],
    limits: Check,
    together: Together | None = None,
    facts: Facts | None = None,
) -> bool:
    """Bring `coverage.parquet` up to date with the footers of all flows files; False when it was current.

    Parameters
    ----------
    layout, flows, limits, together
        As of `coverage_plan`.
    facts
        How each reporter-year was brought to the target; None where vintages stay apart.
    """
    plan = coverage_plan(layout, flows, limits, together)
    if not plan.redo:
        return False
    footers = {partition_key(path): footer for path, footer in flows.items()}
    further = () if facts is None else HARMONISED["coverage"]
    columns = (*TABLES["coverage"], *further)
    nothing = {column.name: None for column in further}
    exports = _exports(footers)
    rows = [
        _row(key, one)
        | {"doubts": _doubts(key, one, exports, limits)}
        | nothing
        | (facts or {}).get(_name(key), {})
        for key, one in footers.items()
    ]
    known = {_name(key) for key in footers}
    blank = dict.fromkeys(column.name for column in columns)
    rows += [blank | one for name, one in sorted((facts or {}).items()) if name not in known]
    schema = {column.name: _TYPES[column.dtype] for column in columns}
    table = pl.DataFrame(rows, schema=schema).to_arrow()
    table = table.cast(pa.schema([(column.name, column.dtype) for column in columns]))
    check_table(table, "coverage")
    footer = {"stage": "coverage"} | plan.wanted[layout.coverage].record()
    publish_table(table, layout.coverage, footer=footer, layout=layout)
    return True


def _name(key: tuple[str, int, int]) -> str:
    return "/".join(str(part) for part in key)


def _row(key: tuple[str, int, int], footer: Footer) -> dict[str, Any]:
    classification, year, code = key
    sources = footer["sources"]
    exports = footer["checks"].get("X", {})
    originals = {source.get("is_original") for source in sources}
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
        "is_original": originals.pop() if len(originals) == 1 else None,
    }


YEARS_BACK: Final = 3
"""How many years back to look for a year with exports to compare with."""


def _exports(footers: Mapping[tuple[str, int, int], Footer]) -> dict[tuple[int, int], float]:
    """World exports by reporter code and year, USD; of several classifications the one with the largest value."""
    found: dict[tuple[int, int], float] = {}
    for (_, year, code), footer in footers.items():
        usd = footer["checks"].get("X", {}).get("world_usd", 0.0)
        found[code, year] = max(usd, found.get((code, year), 0.0))
    return found


def _doubts(
    key: tuple[str, int, int], footer: Footer, exports: Mapping[tuple[int, int], float], limits: Check
) -> str | None:
    """Checks of `minsum check` that suggest incomplete exports of a reporter-year."""
    _, year, code = key
    checks = footer["checks"]
    share, usd = checks.get("X", {}).get("total_vs_products"), checks.get("X", {}).get("world_usd", 0.0)
    products = sum(one["products_usd"] for one in checks.values())
    others = footer["repairs"].get("uncontained", {"usd": 0.0})["usd"]
    earlier = (exports.get((code, year - back)) for back in range(1, YEARS_BACK + 1))
    before = next((one for one in earlier if one), 0.0)
    found = {
        "total_vs_products": share is not None and share < 1 - limits.total_tolerance,
        "uncontained": others > limits.total_tolerance * products,
        "round_rows": any(
            not one["is_complete"] and one.get("source_rows") in CUT_OFF_ROWS for one in footer["sources"]
        ),
        "exports_fall": usd < (1 - limits.exports_fall) * before,
    }
    return ", ".join(name for name, is_found in found.items() if is_found) or None


def doubtful(layout: Layout, years: Collection[int]) -> list[str]:
    """Reporter-years of these years with an entry in column doubts of `coverage.parquet`, as `CHN 2015`."""
    rows = pl.read_parquet(layout.coverage, glob=False, hive_partitioning=False)
    found = rows.filter(pl.col("year").is_in(list(years)), pl.col("doubts").is_not_null())
    return sorted({f"{reporter} {year}" for reporter, year in found.select("reporter", "year").rows()})
