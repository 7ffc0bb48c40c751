"""SQL files, found in the installed package or in the checkout, and a DuckDB connection to run them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

_PACKAGED = Path(__file__).parent / "sql"
_CHECKOUT = Path(__file__).parents[2] / "sql"


@cache
def query(name: str) -> str:
    """Text of `sql/<name>.sql`; values enter only as bound `$parameters`."""
    folder = _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT
    return (folder / f"{name}.sql").read_text(encoding="utf-8")


def literal(path: Path) -> str:
    """A path that DuckDB takes as it is written: `study [1]` is not `study 1`."""
    return "".join(f"[{one}]" if one in "[*?" else one for one in str(path))


def connect() -> duckdb.DuckDBPyConnection:
    """An in-memory DuckDB that neither installs extensions nor keeps secrets on disk."""
    import duckdb

    return duckdb.connect(
        config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    )
