"""Covariate files: tidy CSV `iso3,year,<variable>...`, joined to one table."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from minsum.errors import DataCheckError, MissingInputError

KEYS: Final = ["iso3", "year"]


def read_covariates(folder: Path) -> pl.DataFrame:
    """Every variable of every CSV file in a folder.

    Returns
    -------
    Columns iso3 (text), year (int16) and one float64 per variable, sorted by iso3 and year; a value a file
    does not give is null.

    Raises
    ------
    MissingInputError
        If the folder does not exist or holds no CSV file.
    DataCheckError
        If a file lacks a key column or a variable, holds text where a number belongs, repeats a country and
        year, or gives a variable that another file gives too.
    """
    files = sorted(folder.glob("*.csv"))
    if not files:
        raise MissingInputError(
            f"{folder}: no covariate files",
            "put tidy CSV files there: iso3,year,<variable>; or change [panel] covariates",
        )
    table = pl.DataFrame(schema={"iso3": pl.String, "year": pl.Int16})
    origin: dict[str, str] = {}
    for file in files:
        one = _read(file)
        for variable in one.columns[2:]:
            if variable in origin:
                raise DataCheckError(
                    f"{file.name} and {origin[variable]} both give {variable!r}", "keep one of them"
                )
            origin[variable] = file.name
        table = table.join(one, on=KEYS, how="full", coalesce=True)
    return table.sort(KEYS)


def _read(file: Path) -> pl.DataFrame:
    frame = pl.read_csv(file, infer_schema=False, null_values=["", "NA", ".", ".."])
    if frame.columns[:2] != KEYS or len(frame.columns) < 3:
        raise DataCheckError(
            f"{file.name}, line 1: columns {frame.columns}, expected iso3, year and one or more variables",
            "bring the file into the tidy form iso3,year,<variable>",
        )
    numbers = frame.columns[1:]
    parsed = frame.with_columns(pl.col(numbers).str.strip_chars().cast(pl.Float64, strict=False))
    for column in numbers:
        bad = (parsed[column].is_null() & frame[column].is_not_null()).arg_true()
        if not len(bad):
            bad = (~parsed[column].is_finite()).fill_null(column == "year").arg_true()
        if len(bad):
            raise DataCheckError(
                f"{file.name}, line {bad[0] + 2}, column {column}: {frame[column][bad[0]]!r} is not a number",
                "correct it, or leave the field empty where the value is missing",
            )
    parsed = parsed.with_columns(pl.col("year").cast(pl.Int16))
    repeated = parsed.filter(pl.struct(KEYS).is_duplicated())
    if len(repeated):
        iso3, year = repeated.row(0)[:2]
        raise DataCheckError(
            f"{file.name}: {iso3} {year} occurs more than once", "keep one row for each country and year"
        )
    return parsed
