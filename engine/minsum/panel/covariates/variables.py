"""Makes the panel's variables from the files' indicators: selects, adds, scales, takes logarithms and checks units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from minsum.errors import DataCheckError
from minsum.settings.panel import Variable

if TYPE_CHECKING:
    from minsum.panel.covariates.values import TableRead


_OWN: Final = ("reporter", "year", "esi", "import_share")
"""Columns of the panel that no covariate file may give."""
_FREE_NAMES: Final = ("tidy", "wide", "long")
"""Formats with arbitrary names of indicators, few enough to list in a message."""


@dataclass(frozen=True, slots=True)
class Made:
    """Variables, the record of each, and the reason of each absent variable."""

    frame: pl.DataFrame
    records: dict[str, Any]
    absent: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Suspicion:
    """Expected unit, highest plausible median of a country, the likely unit above this limit, and the fix."""

    limit: float
    expected: str
    looks_like: str
    cure: str


_SUSPICIONS: Final = {
    "ratio": _Suspicion(2.5, "a ratio", "per cent", "divide_by = 100"),
    "million_usd": _Suspicion(1e8, "million USD", "USD", "divide_by = 1000000"),
    "ln": _Suspicion(30.0, "a natural logarithm", "plain values", "ln = true"),
}
"""No true value exceeds these limits: capital formation is at most 2.2 of GDP (Equatorial Guinea 1996), FDI stock at most
2e7 million USD; exp(30) is 1e13."""


@dataclass(frozen=True, slots=True)
class _Supply:
    """The files' indicators: a column for each, the files of each, and indicators that are variables without a recipe
    (columns of tidy tables)."""

    wide: pl.DataFrame
    files: Mapping[str, list[str]]
    ready: tuple[str, ...]


def make_variables(
    values: pl.DataFrame, variables: Mapping[str, Variable], *, tables: Sequence[TableRead]
) -> Made:
    """Make every variable whose indicators are available.

    Parameters
    ----------
    values
        Columns iso3, year, indicator, value, without duplicates.
    variables
        Recipes. A tidy file may give a variable without a recipe; a tidy column of another name becomes a variable.
    tables
        Origin of the values, for messages and the report.

    Returns
    -------
    A column for each variable, recipes first.

    Raises
    ------
    DataCheckError
        If files give a variable both directly and by its indicators, its values have another unit, or its name is
        reserved or differs from another name only in case.
    """
    supply = _supply(values, tables)
    _refuse_names([*variables, *supply.ready], supply.files)
    columns: dict[str, pl.Expr] = {}
    records: dict[str, Any] = {}
    absent: dict[str, str] = {}
    for name, variable in variables.items():
        used = _available(variable, supply.files)
        if name in supply.ready:
            columns[name], records[name] = _ready(supply, name, variable, used=used)
        elif used:
            columns[name], records[name] = _made(supply, name, variable, used=used)
        else:
            absent[name] = _absence(variable, tables)
    for name in supply.ready:
        if name not in columns:
            columns[name] = pl.col(name)
            records[name] = {"recipe": "as given", "files": supply.files[name]}
    made = [expression.alias(name) for name, expression in columns.items()]
    return Made(supply.wide.select("iso3", "year", *made), records, absent)


def _refuse_names(names: Sequence[str], files: Mapping[str, list[str]]) -> None:
    """Refuse names that are reserved or differ only in case: SQL ignores case."""
    seen = {name.lower(): name for name in _OWN}
    for name in dict.fromkeys(names):
        other = seen.setdefault(name.lower(), name)
        if other != name or name in _OWN:
            file = ", ".join(files.get(name, ())) or "[panel.variables]"
            whose = (
                "the panel has a column of that name" if other in _OWN else f"another has the name {other!r}"
            )
            raise DataCheckError(
                f"{file}: a variable has the name {name!r}, but {whose}", "rename the column"
            )


def _supply(values: pl.DataFrame, tables: Sequence[TableRead]) -> _Supply:
    files: dict[str, list[str]] = {}
    for table in tables:
        for name in table.used:
            files.setdefault(name, []).append(table.name)
    tidy = dict.fromkeys(name for table in tables for name in table.ready)
    return _Supply(_wide(values, list(files)), files, tuple(tidy))


def _wide(values: pl.DataFrame, indicators: Sequence[str]) -> pl.DataFrame:
    """One row for each country and year, one column for each indicator, sorted."""
    keys = ["iso3", "year"]
    wide = values.select(keys).unique().sort(keys)
    for name in indicators:
        one = values.filter(pl.col("indicator") == name).select(*keys, pl.col("value").alias(name))
        wide = wide.join(one, on=keys, how="left", maintain_order="left")
    return wide


def _available(variable: Variable, files: Mapping[str, list[str]]) -> tuple[str, ...]:
    """Indicators to use: the first available, or all of a sum; empty when an indicator is missing."""
    if variable.sum_of:
        return variable.sum_of if all(name in files for name in variable.sum_of) else ()
    return tuple(name for name in variable.first_of if name in files)[:1]


def _ready(
    supply: _Supply, name: str, variable: Variable, *, used: tuple[str, ...]
) -> tuple[pl.Expr, dict[str, Any]]:
    """A variable that a tidy file gives directly, and its entry in the report."""
    files = supply.files[name]
    if used and used != (name,):
        raise DataCheckError(
            f"{files[0]} gives {name!r}, and {supply.files[used[0]][0]} gives {used[0]}, from which {name!r} would "
            "also be made",
            "keep one of the two files",
        )
    _check_unit(supply.wide, name, pl.col(name), unit="ln" if variable.ln else variable.unit, file=files[0])
    return pl.col(name), {"recipe": "as given", "files": files}


def _made(
    supply: _Supply, name: str, variable: Variable, *, used: tuple[str, ...]
) -> tuple[pl.Expr, dict[str, Any]]:
    """A variable made from its indicators, and its entry in the report."""
    value = pl.sum_horizontal(used, ignore_nulls=False) / variable.divide_by
    files = list(dict.fromkeys(file for one in used for file in supply.files[one]))
    _check_unit(supply.wide, name, value, unit=variable.unit, file=files[0])
    record: dict[str, Any] = {"recipe": variable.formula(used), "files": files}
    if not variable.ln:
        return value, record
    without = supply.wide.filter(value <= 0).group_by("iso3").len().sort("iso3")
    if len(without):
        record["without_logarithm"] = dict(without.iter_rows())
    return pl.when(value > 0).then(value.log()), record


def _check_unit(wide: pl.DataFrame, name: str, value: pl.Expr, *, unit: str, file: str) -> None:
    """Refuse values whose size shows another unit; checked by country, so that mixed files are found."""
    suspicion = _SUSPICIONS.get(unit)
    if suspicion is None:
        return
    medians = wide.group_by("iso3").agg(median=value.median()).sort("iso3")
    wrong = medians.filter(pl.col("median") > suspicion.limit)
    if len(wrong):
        iso3, median = wrong.row(0)
        raise DataCheckError(
            f"{name}: {suspicion.expected} was expected, but the values of {iso3} ({file}) are about {median:g}: "
            f"they look like {suspicion.looks_like} ({len(wrong)} of {len(medians)} countries)",
            f"convert the file to this unit, or rename its column and set [panel.variables.{name}] "
            f"indicator and {suspicion.cure}",
        )


def _absence(variable: Variable, tables: Sequence[TableRead]) -> str:
    """Why a variable is absent, with indicators of similar names."""
    names = " + ".join(variable.sum_of) if variable.sum_of else " or ".join(variable.first_of)
    stems = {name.split("_")[0].split(".")[0] for name in variable.indicators}
    near = sorted(
        {name for table in tables for name in table.unused if name.split("_")[0].split(".")[0] in stems}
    )
    if not near:
        near = sorted(
            {repr(name) for table in tables if table.format in _FREE_NAMES for name in table.unused}
        )
    return f"no file gives {names}" + (f"; there is {', '.join(near[:4])}" if near else "")
