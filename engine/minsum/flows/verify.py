"""One flows file against its own footer: keys, order, figures and counts."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from minsum.flows.build import identity_checks, rank_products
from minsum.flows.codes import MAX_PARTNER, sort_key
from minsum.flows.figures import names_of
from minsum.flows.lake import as_rows
from minsum.formats import formats
from minsum.schema import FIGURES, FLOWS, TABLES
from minsum.workspace import Footer

Wrong = list[tuple[str, str, str]]
_PATH = re.compile(r"classification=H[0-6]/year=(19|2[01])\d\d/reporter=(0|[1-9]\d{0,6})/flows\.parquet$")
_CODE = r"^([0-9]{2}[0-9A-Z]{4}|TOTAL)$"


def verify_partition(path: Path, footer: Footer) -> Wrong:
    """What is wrong with a flows file: check, what was found, what was expected.

    Raises
    ------
    OSError, pyarrow.ArrowException, KeyError, ValueError
        If it cannot be read to its end, or its footer lacks what it should hold.
    """
    wrong = (
        []
        if _PATH.search(path.as_posix())
        else [("keys", "folders", "classification=H4/year=2015/reporter=156")]
    )
    table = pq.read_table(path, partitioning=None)
    return (
        wrong
        + (list(_rows(table)) or list(_figures(table, footer)))
        + list(_extra_columns(table, footer))
        + list(_audit(table.num_rows, footer))
    )


def _rows(table: pa.Table) -> Iterator[tuple[str, str, str]]:
    """Values that no row may have."""
    for name in (column.name for column in TABLES["flows"]):
        if table[name].null_count:
            yield "rows", f"{table[name].null_count} rows without {name}", "none"
    for flow in sorted(set(table["flow"].unique().to_pylist()) - {*FLOWS, None}):
        yield "rows", f"flow {flow!r}", ", ".join(FLOWS)
    codes = table["product_code"].unique().drop_null()
    bad = codes.filter(pc.invert(pc.match_substring_regex(codes, _CODE)))
    if len(bad):
        yield "rows", f"product {bad[0].as_py()!r}", "TOTAL or six characters"
    partner, value = table["partner_code"].to_numpy(), table["value_usd"].to_numpy()
    if len(partner) and not (partner.min() >= 0 and partner.max() <= MAX_PARTNER):
        yield "rows", f"partner {partner.min()} to {partner.max()}", f"0 to {MAX_PARTNER}"
    if not (np.isfinite(value) & (value > 0)).all():
        yield "rows", "values that are not above 0 and finite", "none"


def _figures(table: pa.Table, footer: Footer) -> Iterator[tuple[str, str, str]]:
    """Order and uniqueness; and the identity checks, computed anew, against those stored."""
    rows = as_rows(table)
    products = rank_products(rows)
    steps = np.diff(sort_key(rows["flow"], rows["partner"], rows["product"]))
    if (steps < 0).any():
        yield "rows", f"row {int(np.argmax(steps < 0)) + 2} out of order", "by flow, partner and product"
        return
    if (steps == 0).any():
        yield (
            "rows",
            f"row {int(np.argmax(steps == 0)) + 2} repeats the one before",
            "each flow, partner and product once",
        )
        return
    now, stored = identity_checks(rows, products), footer["checks"]
    for flow in sorted({*now, *stored}):
        for name in sorted({*now.get(flow, {}), *stored.get(flow, {})}):
            ours, theirs = (one.get(flow, {}).get(name) for one in (now, stored))
            if not _agree(ours, theirs):
                yield "audit", f"{flow} {name} {ours} in the rows", f"{theirs}, as in the footer"


def _extra_columns(table: pa.Table, footer: Footer) -> Iterator[tuple[str, str, str]]:
    """Net weight and quantity: there as asked for, and no figure that ingest would have left out."""
    expected = names_of(footer["recipe"].get("columns", ()))
    found = tuple(table.schema.names[len(TABLES["flows"]) :])
    if found != expected:
        yield "rows", f"further columns: {', '.join(found) or 'none'}", ", ".join(expected) or "none"
        return
    types = {column.name: column.dtype for made in FIGURES.values() for column in made}
    for name in expected:
        if str(table.schema.field(name).type) != types[name]:
            yield "rows", f"{name} of type {table.schema.field(name).type}", types[name]
        elif types[name] == "double":
            figure = table[name].drop_null().to_numpy()
            if not (np.isfinite(figure) & (figure >= 0)).all():
                yield "rows", f"{name} below 0 or not finite", "a figure or null"


def _agree(one: float | None, other: float | None) -> bool:
    return one == other or (None not in (one, other) and math.isclose(one, other, rel_tol=1e-9))  # type: ignore[arg-type]


def _audit(n_rows: int, footer: Footer) -> Iterator[tuple[str, str, str]]:
    """Rows in the file, in the audit of its sources, and in its repairs."""
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
