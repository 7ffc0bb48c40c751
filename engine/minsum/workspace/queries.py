"""SQL files, found in the installed package or in the checkout, and a DuckDB connection to run them."""

from __future__ import annotations

import glob
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

_PACKAGED = Path(__file__).parents[1] / "sql"
_CHECKOUT = Path(__file__).parents[3] / "sql"


@cache
def query(name: str) -> str:
    """Text of `sql/<name>.sql`; values enter only as bound `$parameters`."""
    folder = _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT
    return (folder / f"{name}.sql").read_text(encoding="utf-8")


def literal(paths: Iterable[Path]) -> list[str]:
    """Paths as DuckDB's `read_parquet` takes them: `[`, `*` and `?` in a folder's name stand for themselves."""
    return [glob.escape(str(path)) for path in paths]


def connect() -> duckdb.DuckDBPyConnection:
    """An in-memory DuckDB that neither installs extensions nor keeps secrets on disk."""
    import duckdb

    return duckdb.connect(
        config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    )
