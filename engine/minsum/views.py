"""The user's own SQL over the workspace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from minsum.errors import UsageError
from minsum.queries import connect, literal
from minsum.schema import YEARLY
from minsum.workspace import Layout

if TYPE_CHECKING:
    import duckdb


def run_query(layout: Layout, query: str) -> duckdb.DuckDBPyRelation | None:
    """Run one query with a view for every table that the workspace holds.

    Returns
    -------
    The result, lazily; None for a statement without rows.

    Raises
    ------
    UsageError
        If DuckDB refuses the query; the message is DuckDB's.
    """
    import duckdb

    con = connect()
    there = [name for name, files in _tables(layout).items() if _add_view(con, name, files)]
    try:
        return con.sql(query)
    except duckdb.Error as error:
        raise UsageError(
            str(error), f"tables here: {', '.join(there) or 'none yet; make them with minsum run'}"
        ) from error


def _tables(layout: Layout) -> dict[str, list[Path]]:
    return {
        "flows": layout.partitions(),
        **{name: layout.yearly(name) for name in YEARLY},
        "coverage": [layout.coverage],
        "panel": [layout.panel],
        "country_years": [layout.country_years],
        "estimates": sorted(layout.estimates.glob("*.parquet")),
        "section_esi": [layout.sections],
    }


def _add_view(con: duckdb.DuckDBPyConnection, name: str, files: list[Path]) -> bool:
    found = literal(file for file in files if file.is_file())
    if found:
        con.read_parquet(found, hive_partitioning=name in ("flows", *YEARLY)).create_view(name)
    return bool(found)
