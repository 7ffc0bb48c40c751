"""Refuses rows without a reporter-year, and rows that contradict the file's name."""

from __future__ import annotations

from typing import Final

import polars as pl

from minsum.errors import BrokenSourceError, ContradictionError
from minsum.flows.pending import Partition
from minsum.sources.formats import Claims, Format
from minsum.sources.formats.base import ColumnName

VINTAGES: Final = tuple(f"H{vintage}" for vintage in range(7))
MAX_REPORTER: Final = 10**7 - 1

_DAMAGED: Final = "the file is damaged; download it again"


def refuse_contradictions(
    frame: pl.DataFrame, single: Partition | None, form: Format, claims: Claims, name: str
) -> None:
    """Check one batch of a source.

    `single` is the partition of all its rows, or None if the batch has several partitions.

    Raises
    ------
    BrokenSourceError
        If a row has no reporter or period.
    ContradictionError
        If reporter or period contradict the file's name, or the data are not annual HS.
    """
    if _is_plain(single, claims):
        return
    reporter, year, vintage = (pl.col(one) for one in ("reporter_code", "year", "classification"))
    if form.country_code is not None and (bad := _first(frame, reporter < 0)):
        raise ContradictionError(
            f"{name}, line {bad['line']}: a group of countries as reporter", "download single reporters"
        )
    if bad := _first(frame, reporter.is_null() | year.is_null()):
        raise BrokenSourceError(f"{name}, line {bad['line']}: a row without reporter or period", _DAMAGED)
    if bad := _first(frame, ~year.is_between(1900, 2200)):
        raise ContradictionError(
            f"{name}, line {bad['line']}: period {bad['year']} is not a year", "minsum reads annual data only"
        )
    claimed: dict[ColumnName, int | None] = {"reporter_code": claims.reporter_code, "year": claims.year}
    for column, said in claimed.items():
        if said is not None and (bad := _first(frame, pl.col(column) != said)):
            raise ContradictionError(
                f"{name}, line {bad['line']}: {form.columns[column].source} {bad[column]} in the rows, {said} in the "
                "file's name",
                "the file is misnamed or mixed up; find out which is right and download it again",
            )
    if bad := _first(frame, ~reporter.is_between(1, MAX_REPORTER)):
        raise BrokenSourceError(f"{name}, line {bad['line']}: reporter code out of range", _DAMAGED)
    if bad := _first(frame, ~vintage.is_in(VINTAGES, nulls_equal=True)):
        raise _no_vintage(bad, name)


def _is_plain(single: Partition | None, claims: Claims) -> bool:
    """Whether all rows belong to one valid reporter-year, the usual case."""
    return (
        single is not None
        and single.classification in VINTAGES
        and 1900 <= single.year <= 2200
        and 1 <= single.reporter_code <= MAX_REPORTER
        and claims.reporter_code in (None, single.reporter_code)
        and claims.year in (None, single.year)
    )


def _first(frame: pl.DataFrame, is_bad: pl.Expr) -> dict[str, object] | None:
    """The first bad row, or None."""
    found = frame.lazy().filter(is_bad).select("line", "reporter_code", "year", "classification").head(1)
    rows = found.collect(engine="in-memory").rows(named=True)
    return rows[0] if rows else None


def _no_vintage(bad: dict[str, object], name: str) -> ContradictionError:
    if bad["classification"] is None:
        return ContradictionError(
            f"{name}: neither rows nor file name say which HS vintage it is",
            "give the vintage: --classification H5; or give a BACI file its published name, such as "
            "BACI_HS17_Y2024_V202601.csv",
        )
    return ContradictionError(
        f"{name}, line {bad['line']}: classification {bad['classification']!r}, expected H0 to H6",
        "minsum compares HS-6 products only; fetch the HS edition",
    )
