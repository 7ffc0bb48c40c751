"""Variables of the panel from the indicators of the files: chosen, added, scaled, logged, units checked."""

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
"""Columns of the panel that no covariate file gives."""
_NAMED_BY_PEOPLE: Final = ("tidy", "wide", "long")
"""Formats whose indicators have any name, few enough to be listed."""


@dataclass(frozen=True, slots=True)
class Made:
    """Variables, how each was made, and which could not be."""

    frame: pl.DataFrame
    told: dict[str, Any]
    absent: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Suspicion:
    """A unit whose country medians cannot lie above a limit, what the values then look like, and the cure."""

    limit: float
    expected: str
    looks_like: str
    cure: str


_SUSPICIONS: Final = {
    "ratio": _Suspicion(2.5, "a ratio", "per cent", "divide_by = 100"),
    "million_usd": _Suspicion(1e8, "million USD", "USD", "divide_by = 1000000"),
    "ln": _Suspicion(30.0, "a natural logarithm", "plain values", "ln = true"),
}
"""Limits above every true value: capital formation is at most 2.2 of GDP (Equatorial Guinea 1996), FDI stock
at most 2e7 million USD; ln 30 is 1e13."""


@dataclass(frozen=True, slots=True)
class _Supply:
    """What the files give: a column for each indicator, the files of each, and those that are variables as
    they stand (tidy columns)."""

    wide: pl.DataFrame
    files: Mapping[str, list[str]]
    ready: tuple[str, ...]


def make_variables(
    values: pl.DataFrame, variables: Mapping[str, Variable], *, tables: Sequence[TableRead]
) -> Made:
    """Make every variable that the indicators allow.

    Parameters
    ----------
    values
        Columns iso3, year, indicator, value, without repetition.
    variables
        Recipes. A tidy file may give a variable itself, ready made; a tidy column of another name is a
        variable of its own.
    tables
        Where the values came from, for messages and the report.

    Returns
    -------
    A column for each variable, recipes first.

    Raises
    ------
    DataCheckError
        If a variable is given both ready made and by its indicators, its values have another unit, or its name is
        one of the panel's own or another's in other capitals.
    """
    supply = _supply(values, tables)
    _refuse_names([*variables, *supply.ready], supply.files)
    columns: dict[str, pl.Expr] = {}
    told: dict[str, Any] = {}
    absent: dict[str, str] = {}
    for name, variable in variables.items():
        used = _available(variable, supply.files)
        if name in supply.ready:
            columns[name], told[name] = _ready(supply, name, variable, used=used)
        elif used:
            columns[name], told[name] = _made(supply, name, variable, used=used)
        else:
            absent[name] = _absence(variable, tables)
    for name in supply.ready:
        if name not in columns:
            columns[name] = pl.col(name)
            told[name] = {"recipe": "as given", "files": supply.files[name]}
    made = [expression.alias(name) for name, expression in columns.items()]
    return Made(supply.wide.select("iso3", "year", *made), told, absent)


def _refuse_names(names: Sequence[str], files: Mapping[str, list[str]]) -> None:
    """Refuse variables that a table of the panel could not tell apart: it does not look at capitals."""
    seen = {name.lower(): name for name in _OWN}
    for name in dict.fromkeys(names):
        other = seen.setdefault(name.lower(), name)
        if other != name or name in _OWN:
            file = ", ".join(files.get(name, ())) or "[panel.variables]"
            whose = "the panel has a column of that name" if other in _OWN else f"there is {other!r} too"
            raise DataCheckError(f"{file}: a variable is called {name!r}, and {whose}", "rename the column")


def _supply(values: pl.DataFrame, tables: Sequence[TableRead]) -> _Supply:
    files: dict[str, list[str]] = {}
    for table in tables:
        for name in table.used:
            files.setdefault(name, []).append(table.name)
    tidy = dict.fromkeys(name for table in tables for name in table.ready)
    return _Supply(_wide(values, list(files)), files, tuple(tidy))


def _wide(values: pl.DataFrame, indicators: Sequence[str]) -> pl.DataFrame:
    """One row for each country and year, a column for each indicator, sorted."""
    keys = ["iso3", "year"]
    wide = values.select(keys).unique().sort(keys)
    for name in indicators:
        one = values.filter(pl.col("indicator") == name).select(*keys, pl.col("value").alias(name))
        wide = wide.join(one, on=keys, how="left", maintain_order="left")
    return wide


def _available(variable: Variable, files: Mapping[str, list[str]]) -> tuple[str, ...]:
    """Indicators to use: the first that is there, or all of a sum; empty when the files do not suffice."""
    if variable.sum_of:
        return variable.sum_of if all(name in files for name in variable.sum_of) else ()
    return tuple(name for name in variable.first_of if name in files)[:1]


def _ready(
    supply: _Supply, name: str, variable: Variable, *, used: tuple[str, ...]
) -> tuple[pl.Expr, dict[str, Any]]:
    """A variable that a tidy file gives under its own name, and its entry in the report."""
    files = supply.files[name]
    if used and used != (name,):
        raise DataCheckError(
            f"{files[0]} and {supply.files[used[0]][0]} both give {name!r}: the one ready made, the other "
            f"{used[0]}, from which it is made",
            "keep one of them",
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
    told: dict[str, Any] = {"recipe": variable.told(used), "files": files}
    if not variable.ln:
        return value, told
    without = supply.wide.filter(value <= 0).group_by("iso3").len().sort("iso3")
    if len(without):
        told["without_logarithm"] = dict(without.iter_rows())
    return pl.when(value > 0).then(value.log()), told


def _check_unit(wide: pl.DataFrame, name: str, value: pl.Expr, *, unit: str, file: str) -> None:
    """Refuse values whose size shows another unit, country by country, so that a mixed file is caught."""
    suspicion = _SUSPICIONS.get(unit)
    if suspicion is None:
        return
    medians = wide.group_by("iso3").agg(median=value.median()).sort("iso3")
    wrong = medians.filter(pl.col("median") > suspicion.limit)
    if len(wrong):
        iso3, median = wrong.row(0)
        raise DataCheckError(
            f"{name}: {suspicion.expected} was expected, and the values of {iso3} ({file}) are about {median:g}: "
            f"they look like {suspicion.looks_like} ({len(wrong)} of {len(medians)} countries)",
            f"bring the file to the unit, or name its column otherwise and set [panel.variables.{name}] "
            f"indicator and {suspicion.cure}",
        )


def _absence(variable: Variable, tables: Sequence[TableRead]) -> str:
    """Why a variable could not be made, with what comes near."""
    names = " + ".join(variable.sum_of) if variable.sum_of else " or ".join(variable.first_of)
    stems = {name.split("_")[0].split(".")[0] for name in variable.indicators}
    near = sorted(
        {name for table in tables for name in table.unused if name.split("_")[0].split(".")[0] in stems}
    )
    if not near:
        near = sorted(
            {repr(name) for table in tables if table.format in _NAMED_BY_PEOPLE for name in table.unused}
        )
    return f"no file gives {names}" + (f"; there is {', '.join(near[:4])}" if near else "")
