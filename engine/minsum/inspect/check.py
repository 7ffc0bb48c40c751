"""`minsum check`: do the files match their footers, and do the figures agree with each other?

Integrity is checked by reading every file. Each identity is a SQL query that returns the rows that violate it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from polars.exceptions import PolarsError

from minsum.errors import DataCheckError
from minsum.flows.verify import verify_partition
from minsum.inspect.strays import find_strays
from minsum.report.file_digests import ReportFiles
from minsum.schema import YEARLY, check_table
from minsum.settings.check import Check
from minsum.sources.files import CUT_OFF_ROWS
from minsum.workspace.checksums import damage_of
from minsum.workspace.copies import bring
from minsum.workspace.footers import Footer, estimate_files, footer_of
from minsum.workspace.layout import Layout, partition_key
from minsum.workspace.queries import connect, literal, query

if TYPE_CHECKING:
    import duckdb

IDENTITIES: Final = (
    "world_vs_partners",
    "total_vs_products",
    "residual_share",
    "world_unresolved",
    "conflicts",
    "nothing_kept",
    "mostly_dropped",
    "uncontained",
    "round_rows",
)
"""Checks of the flows, each in `sql/check_<name>.sql`."""

SIMILARITY: Final = ("esi_range", "esi_symmetry", "esi_repeated")
"""Checks of the esi table, each in `sql/check_<name>.sql`."""

_SECONDS_BETWEEN_ATTEMPTS: Final = 0.1
"""Seconds between two attempts to read files that a run is replacing."""
_ATTEMPTS: Final = 5
"""Attempts to read files that a run replaces during the check."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One error in the published files or figures.

    Attributes
    ----------
    check
        Name of the check: `file`, `stray`, `keys`, `rows`, `audit`, or one of the SQL checks.
    place
        File, relative to the workspace, or classification, year, reporter and flow.
    found, expected
        Description for people.
    """

    check: str
    place: str
    found: str
    expected: str


def check_workspace(layout: Layout, limits: Check, *, jobs: int = 1) -> list[Finding]:
    """Read every published file and return all findings: file by file, then check by check."""
    sound: dict[Path, Footer] = {}
    found: list[Finding] = []
    with ThreadPoolExecutor(jobs) as pool:
        tables = list(_tables(layout))
        for (path, _, _), (footer, wrong) in zip(
            tables, pool.map(lambda one: _verified(*one), tables), strict=True
        ):
            found += [Finding(name, _place(layout, path), *words) for name, *words in wrong]
            if footer is not None:
                sound[path] = footer
    flows = {path: footer for path, footer in sound.items() if layout.flows in path.parents}
    found += check_figures(flows, [path for path in layout.yearly("esi") if path in sound], limits)
    damaged = {one.place for one in found}
    strays = [place for path in find_strays(layout) if (place := _place(layout, path)) not in damaged]
    words = "a file that minsum did not write", "none: move it away"
    return [*(Finding("stray", place, *words) for place in strays), *found, *_report(layout)]


def check_figures(flows: Mapping[Path, Footer], esi: Sequence[Path], limits: Check) -> list[Finding]:
    """Check the identities on the footers of flows files and on the rows of esi files."""
    with connect() as con:
        con.register("checks", _checks_table(flows))
        con.register("repairs", _repairs_table(flows))
        con.register("removed", _removed_table(flows))
        found = list(_offending(con, IDENTITIES, limits.model_dump() | {"cut_off_rows": CUT_OFF_ROWS}))
        found += _similarities(con, esi)
    return found


def _report(layout: Layout) -> list[Finding]:
    """Compare the files of the report with `report/files.json`. A run during the check may have written a file and not yet
    its entry, so differences are looked at again."""
    wrong: list[tuple[Path, str]] = []
    for attempt in range(_ATTEMPTS):
        wrong = list(ReportFiles(layout).damaged())
        if not wrong or attempt == _ATTEMPTS - 1:
            break
        time.sleep(_SECONDS_BETWEEN_ATTEMPTS)
    expected = "as listed in report/files.json"
    return [Finding("file", _place(layout, path), why, expected) for path, why in wrong]


def _similarities(con: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> list[Finding]:
    """Run the checks of the esi table; repeat them if a run replaced or removed a file meanwhile."""
    import duckdb

    found: list[Finding] = []
    for _ in range(_ATTEMPTS):
        before = {path: _state(path) for path in files}
        there = [path for path, state in before.items() if state is not None]
        bring(there)
        try:
            found = list(_offending(con, SIMILARITY, {"files": literal(there)})) if there else []
        except duckdb.Error:
            if {path: _state(path) for path in files} == before:
                raise
            continue
        if {path: _state(path) for path in files} == before:
            break
    return found


Wrong = list[tuple[str, str, str]]
"""Findings of one file: name of the check, what was found, what was expected."""


Verify = Callable[[Path, Footer, bytes], Wrong]
"""Function that verifies a file, given its path, footer and bytes."""


def _tables(layout: Layout) -> Iterator[tuple[Path, str, Verify]]:
    """Every published file with the name of its table, and the function that verifies more than its schema."""
    for path in layout.partitions():
        yield path, "flows", verify_partition
    for name in YEARLY:
        for path in layout.yearly(name):
            yield path, name, _verify_year
    single = {
        "coverage": layout.coverage,
        "panel": layout.panel,
        "country_years": layout.country_years,
        "pair_years": layout.pair_years,
    }
    for name, path in single.items():
        if path.is_file():
            yield path, name, _nothing_more
    for path in estimate_files(layout):
        yield path, "estimates", _nothing_more


def _verified(path: Path, table: str, more: Verify) -> tuple[Footer | None, Wrong]:
    """Footer of a file (None if it is damaged) and its findings.

    The file is read once, because a run may replace it during the check. A file that was removed has no findings.
    """
    expected = f"a {table} table written by minsum"
    try:
        bring([path])
        content = path.read_bytes()
        footer = footer_of(path, content)
        check_table(pq.read_schema(pa.BufferReader(content)).empty_table(), table)
        if (why := damage_of(content)) is not None:
            return None, [("file", why, expected)]
        return footer, more(path, footer, content)
    except FileNotFoundError:
        return None, []
    except DataCheckError as error:
        return None, [("file", error.message, expected)]
    except (OSError, pa.ArrowException, PolarsError, KeyError, ValueError) as error:
        return None, [("file", f"{type(error).__name__}: {error}", f"a readable {table} table")]


def _state(path: Path) -> tuple[int, int, int] | None:
    """Inode, time of change and size of a file; None if it does not exist."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_ino, stat.st_ctime_ns, stat.st_size


def _verify_year(path: Path, footer: Footer, content: bytes) -> Wrong:
    """Check that folder, file name, footer and rows have the same classification and year."""
    classification, year = path.parent.name.partition("=")[2], path.stem
    years = pl.read_parquet(content, columns=["year"], hive_partitioning=False)["year"].unique()
    wrong: Wrong = []
    if (footer["classification"], str(footer["year"])) != (classification, year):
        wrong.append(
            (
                "keys",
                f"{footer['classification']}, {footer['year']} in the footer",
                f"{classification}, {year}",
            )
        )
    if [one for one in years if str(one) != year]:
        wrong.append(("keys", f"years {years} in the rows", year))
    return wrong


def _nothing_more(_path: Path, _footer: Footer, _content: bytes) -> Wrong:
    return []


def _place(layout: Layout, path: Path) -> str:
    return str(path.relative_to(layout.root))


_KEYS: Final = {"classification": pl.String, "year": pl.Int16, "reporter": pl.Int32}
_CHECKS: Final = _KEYS | {
    "is_complete": pl.Boolean, "flow": pl.String, "n_products": pl.Int64, "world_usd": pl.Float64, "products_usd": pl.Float64,
    "world_vs_partners": pl.Float64, "total_vs_products": pl.Float64, "residual_share": pl.Float64,
}  # fmt: skip
_REMOVED: Final = _KEYS | {
    "source": pl.String, "is_complete": pl.Boolean, "source_rows": pl.Int64, "rule": pl.String, "digits": pl.Int8,
    "rows": pl.Int64, "usd": pl.Float64,
}  # fmt: skip
_REPAIRS: Final = _KEYS | {"repair": pl.String, "rows": pl.Int64, "usd": pl.Float64}


def _checks_table(flows: Mapping[Path, Footer]) -> pl.DataFrame:
    """Results of the identity checks in the footers: one row per partition and flow."""
    return _from_rows(
        (
            _key(path) | {"is_complete": footer["sources"][0]["is_complete"], "flow": flow} | values
            for path, footer in flows.items()
            for flow, values in footer["checks"].items()
        ),
        _CHECKS,
    )


def _repairs_table(flows: Mapping[Path, Footer]) -> pl.DataFrame:
    return _from_rows(
        (
            _key(path) | {"repair": repair} | values
            for path, footer in flows.items()
            for repair, values in footer["repairs"].items()
        ),
        _REPAIRS,
    )


def _removed_table(flows: Mapping[Path, Footer]) -> pl.DataFrame:
    """Rows kept and removed: one row per partition, source and rule, `kept` included; for the rule `level`, one per number
    of digits."""
    return _from_rows(
        (
            _key(path)
            | {key: record.get(key) for key in ("is_complete", "source_rows")}
            | {"source": record["name"], "rule": rule, "digits": digits}
            | counts
            for path, footer in flows.items()
            for record in footer["sources"]
            for rule, digits, counts in [
                *((rule, None, counts) for rule, counts in record["rules"].items()),
                *(("level", int(digits), counts) for digits, counts in record.get("levels", {}).items()),
            ]
        ),
        _REMOVED,
    )


def _key(path: Path) -> dict[str, Any]:
    return dict(zip(("classification", "year", "reporter"), partition_key(path), strict=True))


def _from_rows(rows: Iterable[dict[str, Any]], schema: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=schema)


def _offending(
    con: duckdb.DuckDBPyConnection, names: Iterable[str], values: dict[str, Any]
) -> Iterator[Finding]:
    for name in names:
        text = query(f"check_{name}")
        bound = {key: value for key, value in values.items() if f"${key}" in text}
        for place, found, expected in con.execute(text, bound).fetchall():
            yield Finding(name, place, found, expected)
