"""The variable import_share: part of a country's imports that comes from the members of a bloc."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from minsum.settings.panel import Panel
from minsum.workspace.footers import read_footer
from minsum.workspace.layout import partition_key
from minsum.workspace.queries import literal, query

if TYPE_CHECKING:
    import duckdb

_SHARES: Final = pa.schema(
    [
        ("reporter_code", pa.int32()),
        ("year", pa.int16()),
        ("import_share", pa.float64()),
        ("remark", pa.string()),
    ]
)


def import_shares(con: duckdb.DuckDBPyConnection, options: Panel, flows: list[Path]) -> pa.Table:
    """Import share of every reporter-year: from TOTAL, or from the sum of products where TOTAL is missing."""
    if not options.bloc:
        return _SHARES.empty_table()
    imports = {path: read_footer(path)["checks"].get("M") for path in flows}
    files = {
        "panel_import_share": [path for path, checks in imports.items() if checks and _has_total(checks)],
        "panel_import_products": [
            path for path, checks in imports.items() if checks and not _has_total(checks)
        ],
    }
    none = [partition_key(path) for path, checks in imports.items() if not checks]
    columns = [[code for _, _, code in none], [year for _, year, _ in none]]
    parts = [pa.table([*columns, [None] * len(none), ["no imports in the data"] * len(none)], schema=_SHARES)]
    for name, chosen in files.items():
        if chosen:
            bound = {"files": literal(chosen), "bloc": list(options.bloc)}
            parts.append(con.sql(query(name), params=bound).to_arrow_table().cast(_SHARES))
    return pa.concat_tables(parts)


def _has_total(checks: dict[str, Any]) -> bool:
    return checks.get("total_vs_products") is not None


def import_remarks(options: Panel, found: list[tuple[str, str, int]]) -> list[str]:
    """Notes on import_share: its definition, and the countries where it is missing or computed from products."""
    lines = [bloc_remark(options.bloc)]
    by_remark: dict[str, dict[str, int]] = defaultdict(dict)
    for remark, reporter, count in found:
        by_remark[remark][reporter] = count
    return lines + [f"import_share: {remark} ({counted(counts)})" for remark, counts in by_remark.items()]


def bloc_remark(bloc: Sequence[str]) -> str:
    """Definition of import_share for a bloc."""
    return f"import_share: imports from {', '.join(bloc)}, the country itself left out, over all imports"


def counted(counts: dict[str, int], limit: int = 12) -> str:
    """Countries with their counts: `KHM 3, MMR 9 and 2 more countries`."""
    named = [f"{reporter} {count}" for reporter, count in sorted(counts.items())]
    rest = f" and {len(named) - limit} more countries" if len(named) > limit else ""
    return ", ".join(named[:limit]) + rest
