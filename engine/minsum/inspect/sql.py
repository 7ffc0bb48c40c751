"""The user's own SQL over the workspace."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from minsum.errors import DataCheckError, MinsumError, UsageError
from minsum.schema import YEARLY
from minsum.workspace.checksums import damage
from minsum.workspace.copies import bring, bring_footers, copy_of
from minsum.workspace.footers import estimate_files
from minsum.workspace.layout import Layout
from minsum.workspace.queries import connect, literal

if TYPE_CHECKING:
    import duckdb

log = logging.getLogger("minsum")


def run_query(layout: Layout, query: str) -> duckdb.DuckDBPyRelation | None:
    """Run one query with a view for every table that the workspace holds.

    A table with a damaged file has no view, and a warning names it. Flows files are too many to verify for each query:
    damage in them shows when they are read.

    Returns
    -------
    The result, evaluated lazily: errors in values or files may only show when rows are fetched (`query_errors`).
    None for a statement without rows.

    Raises
    ------
    UsageError
        If DuckDB refuses the query; the message is DuckDB's.
    DataCheckError
        If the query needs a table that is damaged.
    """
    con = connect()
    with query_errors(layout, query):
        there, broken = _add_views(con, layout, query)
        for wrong in broken.values():
            log.warning("sql: %s; its table is not served", wrong)
        try:
            return con.sql(query)
        except Exception as error:
            for name, wrong in broken.items():
                if re.search(rf"\b{name}\b", query):
                    raise DataCheckError(wrong, "delete it and run again: it is made anew") from error
            if isinstance(error, MemoryError):
                raise
            raise UsageError(
                str(error), f"tables here: {', '.join(there) or 'none yet; make them with minsum run'}"
            ) from error


@contextmanager
def query_errors(layout: Layout, query: str) -> Iterator[None]:
    """Turn DuckDB errors while rows are fetched into minsum errors.

    Raises
    ------
    UsageError
        If the query is at fault.
    DataCheckError
        If a file of the workspace cannot be read.
    """
    import duckdb

    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise MemoryError(str(error)) from error
    except (duckdb.Error, ValueError, OverflowError) as error:
        raise _explained(layout, str(error), query) from error


def _explained(layout: Layout, said: str, query: str) -> MinsumError:
    top = re.escape(str(layout.root))
    for file in re.findall(rf"{top}/[^\n]*?\.parquet", said):
        if file not in query and Path(file).is_file():
            hint = "minsum check names everything that is damaged; delete it and run again: it is made anew"
            return DataCheckError(f"{file}: cannot be read: {said}", hint)
    return UsageError(said, 'minsum sql "SHOW TABLES" lists the tables here')


def _add_views(
    con: duckdb.DuckDBPyConnection, layout: Layout, query: str
) -> tuple[list[str], dict[str, str]]:
    """Names of the tables that exist, and damaged tables with the reason. Of a workspace at a URL only the files of tables
    that the query names are brought here."""
    import duckdb

    there, broken = [], {}
    for name, files in _tables(layout).items():
        found = [file for file in files if file.is_file()]
        if copy_of(layout.root) and not re.search(rf"\b{name}\b", query, re.IGNORECASE):
            if found:  # DuckDB takes the columns from the first file; the query needs no rows
                bring_footers(found[:1])
                _add_view(con, name, found)
                there.append(name)
            continue
        bring(found)
        try:
            wrong = next(
                (f"{file}: {why}" for file in found if name != "flows" and (why := damage(file))), None
            )
            if wrong is None and found:
                _add_view(con, name, found)
                there.append(name)
        except (duckdb.Error, OSError) as error:
            wrong = f"table {name}: {error}"
        if wrong is not None:
            broken[name] = wrong
    return there, broken


def _tables(layout: Layout) -> dict[str, list[Path]]:
    return {
        "flows": layout.partitions(),
        **{name: layout.yearly(name) for name in YEARLY},
        "coverage": [layout.coverage],
        "panel": [layout.panel],
        "country_years": [layout.country_years],
        "pair_years": [layout.pair_years],
        "estimates": estimate_files(layout),
    }


_HIVE: Final = {"flows": ("classification", "year", "reporter"), **dict.fromkeys(YEARLY, ("classification",))}
"""Keys in the folders of each table."""


def _add_view(con: duckdb.DuckDBPyConnection, name: str, files: list[Path]) -> None:
    keys = _HIVE.get(name, ())
    if not keys or "=" not in str(files[0].parents[len(keys)]):
        con.read_parquet(literal(files), hive_partitioning=bool(keys)).create_view(name)
        return
    # DuckDB would also take folders above the table, such as `year=2015`, for keys: name the right keys.
    made = [
        f"regexp_extract(filename, '.*/{key}=([^/]+)/', 1){'' if key == 'classification' else '::BIGINT'} AS {key}"
        for key in keys
    ]
    rows = con.read_parquet(literal(files), hive_partitioning=False, filename=True)
    rows.project(f"* EXCLUDE (filename), {', '.join(made)}").create_view(name)
