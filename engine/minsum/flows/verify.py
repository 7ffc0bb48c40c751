"""Compares one flows file with its own footer: keys, order, values and counts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from minsum.flows.cells import with_cells
from minsum.flows.identities import identity_checks, world_and_partners
from minsum.flows.quantities import dtypes_of
from minsum.flows.rules import MAX_PARTNER
from minsum.flows.text_repairs import CODE
from minsum.schema import FLOWS, TABLES
from minsum.sources.formats import formats
from minsum.workspace.footers import Footer, misplaced

Wrong = list[tuple[str, str, str]]
_CODE = rf"^({CODE}|[0-9]{{2}}|[0-9]{{4}}|TOTAL)$"


def verify_partition(path: Path, footer: Footer, content: bytes) -> Wrong:
    """Problems of a flows file with these bytes: check, what was found, what was expected.

    Raises
    ------
    PolarsError, KeyError, ValueError
        If the file cannot be read to its end, or an entry of its footer is missing.
    """
    where = misplaced(path, footer)
    wrong = [] if where is None else [("keys", where, "those of its folders")]
    rows = pl.read_parquet(content)
    return (
        wrong
        + (list(_rows(rows)) or list(_values(rows, footer)))
        + list(_extra_columns(rows, footer))
        + list(_audit(len(rows), footer))
    )


def _rows(rows: pl.DataFrame) -> Iterator[tuple[str, str, str]]:
    """Values that no row may have."""
    for name in (column.name for column in TABLES["flows"]):
        if rows[name].null_count():
            yield "rows", f"{rows[name].null_count()} rows without {name}", "none"
    for flow in sorted(set(rows["flow"].unique()) - {*FLOWS, None}):
        yield "rows", f"flow {flow!r}", ", ".join(FLOWS)
    codes = rows["product_code"].unique().drop_nulls()
    bad = codes.filter(~codes.str.contains(_CODE))
    if len(bad):
        yield "rows", f"product {bad[0]!r}", "TOTAL, or 2, 4 or 6 characters"
    partner, value = rows["partner_code"], rows["value_usd"]
    if len(partner) and not partner.is_between(0, MAX_PARTNER).all():
        yield "rows", f"partner {partner.min()!r} to {partner.max()!r}", f"0 to {MAX_PARTNER}"
    if not (value.is_finite() & (value > 0)).all():
        yield "rows", "values that are not above 0 and finite", "none"


def _values(rows: pl.DataFrame, footer: Footer) -> Iterator[tuple[str, str, str]]:
    """Order and uniqueness of rows; identity checks of the rows against those in the footer."""
    rows = with_cells(rows.with_columns(pl.col("flow", "product_code").cast(pl.Categorical)))
    steps = rows["cell"].diff()
    for found, what, expected in (
        (steps < 0, "out of order", "by flow, partner and product"),
        (steps == 0, "repeats the one before", "each flow, partner and product once"),
    ):
        if found.any():
            yield "rows", f"row {found.arg_max() + 1} {what}", expected  # type: ignore[operator]
            return
    now, stored = identity_checks(rows, world_and_partners(rows)), footer["checks"]
    for flow in sorted({*now, *stored}):
        for name in sorted(stored.get(flow, now.get(flow, {}))):
            ours, theirs = (one.get(flow, {}).get(name) for one in (now, stored))
            if not _agree(ours, theirs):
                yield "audit", f"{flow} {name} {ours} in the rows", f"{theirs}, as in the footer"


def _extra_columns(rows: pl.DataFrame, footer: Footer) -> Iterator[tuple[str, str, str]]:
    """Net weight and quantity: the columns that the recipe asks for, without values that ingest leaves out."""
    expected = dtypes_of(footer["recipe"].get("columns", ()))
    found = rows.columns[len(TABLES["flows"]) :]
    if found != list(expected):
        yield "rows", f"further columns: {', '.join(found) or 'none'}", ", ".join(expected) or "none"
        return
    for name, dtype in expected.items():
        if rows.schema[name] != dtype:
            yield "rows", f"{name} of type {rows.schema[name]}", str(dtype)
        elif dtype == pl.Float64 and not (rows[name].is_finite() & (rows[name] >= 0)).all():
            yield "rows", f"{name} below 0 or not finite", "a number from 0 up, or null"


def _agree(one: float | None, other: float | None) -> bool:
    return one == other or (None not in (one, other) and math.isclose(one, other, rel_tol=1e-9))  # type: ignore[arg-type]


def _audit(n_rows: int, footer: Footer) -> Iterator[tuple[str, str, str]]:
    """Number of rows in the file, in the audit of its sources, and in its repairs."""
    for source in footer["sources"]:
        counts = {name: rule["rows"] for name, rule in source["rules"].items()}
        if sum(counts.values()) != source["rows_in"]:
            yield (
                "audit",
                f"{source['name']}: {sum(counts.values())} rows under the rules",
                f"{source['rows_in']} read",
            )
        if counts.get("kept", 0) != source["rows_kept"]:
            yield (
                "audit",
                f"{source['name']}: {counts.get('kept', 0)} rows under kept",
                f"{source['rows_kept']} kept",
            )
    one, *others = footer["sources"]
    form = next((known for known in formats() if known.name == one["format"]), None)
    if others or form is None or not form.has_world_rows or not form.is_complete:
        return
    repairs = {name: repair["rows"] for name, repair in footer["repairs"].items()}
    expected = one["rows_kept"] - repairs.get("duplicates", 0) - repairs.get("conflicts", 0)
    expected += repairs.get("totals_rebuilt", 0) + repairs.get("world_missing", 0)
    if n_rows != expected:
        yield "audit", f"{n_rows} rows", f"{expected}: kept, less repeats, and those rebuilt"
