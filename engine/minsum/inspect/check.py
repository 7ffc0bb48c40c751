"""Is the workspace what its footers say, and do its figures agree with each other?

Integrity is checked by reading every file; identities are SQL that returns offending rows.
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
from minsum.settings.load import Check
from minsum.sources.files import CUT_OFF_ROWS
from minsum.workspace.checksums import damage_of
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

_BETWEEN_LOOKS: Final = 0.1
"""Seconds."""
_LOOKS: Final = 5
"""At a file that a run beside the check goes on replacing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes
    ----------
    check
        Name of the check: `file`, `stray`, `table`, `keys`, `rows`, `audit`, or one of the SQL checks.
    place
        File, relative to the workspace, or classification, year, reporter and flow.
    found, expected
        In words.
    """

    check: str
    place: str
    found: str
    expected: str


def check_workspace(layout: Layout, limits: Check, *, jobs: int = 1) -> list[Finding]:
    """Read everything the workspace publishes and report what is wrong, file by file, then check by check."""
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
    """Compare figures with each other: those in the footers of flows files, and the rows of esi files."""
    with connect() as con:
        con.register("checks", _checks_table(flows))
        con.register("repairs", _repairs_table(flows))
        con.register("removed", _removed_table(flows))
        found = list(_offending(con, IDENTITIES, limits.model_dump() | {"cut_off_rows": CUT_OFF_ROWS}))
        found += _similarities(con, esi)
    return found


def _report(layout: Layout) -> list[Finding]:
    """Files of the report against their list; a run beside the check may be between a file and its entry."""
    wrong: list[tuple[Path, str]] = []
    for look in range(_LOOKS):
        wrong = list(ReportFiles(layout).damaged())
        if not wrong or look == _LOOKS - 1:
            break
        time.sleep(_BETWEEN_LOOKS)
    expected = "as listed in report/files.json"
    return [Finding("file", _place(layout, path), why, expected) for path, why in wrong]


def _similarities(con: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> list[Finding]:
    """Checks of the esi table; anew where a run replaces or removes a file meanwhile."""
    import duckdb

    found: list[Finding] = []
    for _ in range(_LOOKS):
        before = {path: _state(path) for path in files}
        there = [path for path, state in before.items() if state is not None]
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
"""Check, what was found, what was expected."""


Verify = Callable[[Path, Footer, bytes], Wrong]
"""Of a file with its footer and its bytes."""


def _tables(layout: Layout) -> Iterator[tuple[Path, str, Verify]]:
    """Every published file with the name of its table and what there is to verify beyond its schema."""
    for path in layout.partitions():
        yield path, "flows", verify_partition
    for name in YEARLY:
        for path in layout.yearly(name):
            yield path, name, _verify_year
    single = {
        "coverage": layout.coverage,
        "panel": layout.panel,
        "country_years": layout.country_years,
        "section_esi": layout.sections,
    }
    for name, path in single.items():
        if path.is_file():
            yield path, name, _nothing_more
    for path in estimate_files(layout):
        yield path, "estimates", _nothing_more


def _verified(path: Path, table: str, more: Verify) -> tuple[Footer | None, Wrong]:
    """Footer of a sound file, or None; and what is wrong with it.

    All of it is read from the same bytes, for a run beside the check may replace the file. One that is gone has nothing
    wrong with it.
    """
    expected = f"a {table} table written by minsum"
    try:
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
    """Changes with the file; None where it is gone."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_ino, stat.st_ctime_ns, stat.st_size


def _verify_year(path: Path, footer: Footer, content: bytes) -> Wrong:
    """Folder, file name, footer and rows say the same classification and year."""
    classification, year = path.parent.name.partition("=")[2], path.stem
    years = pq.read_table(pa.BufferReader(content), columns=["year"])["year"].unique().to_pylist()
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
    """The identity checks that the footers hold: a row for each partition and flow."""
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
    """What became of the rows: a row for each partition, source and rule, `kept` included, and of `level` each number of digits."""
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
