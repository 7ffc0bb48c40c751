"""Finds SQL files, in the installed package or the checkout, and opens DuckDB to run them."""

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
    """Paths for DuckDB's `read_parquet`, escaped: `[`, `*` and `?` in a name are no patterns."""
    return [glob.escape(str(path)) for path in paths]


def connect() -> duckdb.DuckDBPyConnection:
    """An in-memory DuckDB that installs no extensions and stores no secrets on disk."""
    import duckdb

    return duckdb.connect(
        config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    )
