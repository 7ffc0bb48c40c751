"""Parses numbers as people and spreadsheets write them; refuses ambiguous columns.

`1.017` means 1017 in some languages and 1.017 in others. The other numbers of the column decide: `0.5` or `12.25` shows a
decimal point, `1.234.567` shows thousands separators. Without such evidence the column is refused.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from minsum.errors import DataCheckError

MISSING: Final = (
    "", "..", ".", "...", "-", "--", "–", "—", ":", "na", "n/a", "n.a.", "n.a", "n.d.", "nd", "#n/a", "#na", "nan", "null",
    "none", "<na>", "missing", "_", "not available", "not applicable", "no data", *(f".{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"),
)  # fmt: skip
"""Publishers' marks of a missing value, in lower case; Stata's marks are .a to .z."""

_BLANKS: Final = r"[ \x{00A0}\x{2009}\x{202F}'’]"
_SIGN: Final = r"^[+-]?"
_END: Final = r"(?:[eE][+-]?\d+)?$"
_KINDS: Final = {
    "plain": rf"{_SIGN}\d+{_END}",
    "point or thousands": rf"{_SIGN}[1-9]\d{{0,2}}\.\d{{3}}$",
    "comma or thousands": rf"{_SIGN}[1-9]\d{{0,2}},\d{{3}}$",
    "thousands by points": rf"{_SIGN}[1-9]\d{{0,2}}(?:(?:\.\d{{3}}){{2,}}(?:,\d+)?|(?:\.\d{{3}})+,\d+)$",
    "thousands by commas": rf"{_SIGN}[1-9]\d{{0,2}}(?:(?:,\d{{3}}){{2,}}(?:\.\d+)?|(?:,\d{{3}})+\.\d+)$",
    "decimal point": rf"{_SIGN}(?:\d+\.\d*|\.\d+){_END}",
    "decimal comma": rf"{_SIGN}(?:\d+,\d*|,\d+){_END}",
}
"""Ways to write a number; the first match counts."""


def with_numbers(cells: pl.DataFrame, *, name: str, separator: str, has_sure_point: bool) -> pl.DataFrame:
    """Values as numbers; null where the text is not a number.

    Parameters
    ----------
    cells
        Columns line, column, indicator, value (text, not missing).
    name
        Name of the table, for messages.
    separator
        Separator of fields in a text file; files with commas or tabs use decimal points.
    has_sure_point
        Whether the publisher always writes decimal points.

    Returns
    -------
    The cells with a column `number`, float64.

    Raises
    ------
    DataCheckError
        If the numbers of an indicator are ambiguous or contradict each other.
    """
    text = pl.col("value").str.strip_chars().str.replace_all("−", "-", literal=True)
    groups = rf"^[+-]?\d{{1,3}}(?:{_BLANKS}\d{{3}})+(?:[.,]\d+)?$"
    text = pl.when(text.str.contains(groups)).then(text.str.replace_all(_BLANKS, "")).otherwise(text)
    read = cells.with_columns(text=text).with_columns(kind=_kind())
    roles = [
        _roles(rows, name=name, separator=separator, has_sure_point=has_sure_point)
        for (_,), rows in read.group_by("indicator", maintain_order=True)
    ]
    known = pl.DataFrame(roles, schema={"indicator": pl.String, "decimal": pl.String}, orient="row")
    joined = read.join(known, on="indicator", how="left", maintain_order="left")
    written = pl.col("text")
    commas = written.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    points = written.str.replace_all(",", "", literal=True)
    plain = pl.when(pl.col("decimal") == ",").then(commas).otherwise(points)
    number = pl.when(pl.col("kind").is_not_null()).then(plain.cast(pl.Float64, strict=False))
    return joined.with_columns(number=number).drop("text", "kind", "decimal")


def _kind() -> pl.Expr:
    found = pl.lit(None, dtype=pl.String)
    for kind, pattern in reversed(_KINDS.items()):
        found = pl.when(pl.col("text").str.contains(pattern)).then(pl.lit(kind)).otherwise(found)
    return found


def _roles(rows: pl.DataFrame, *, name: str, separator: str, has_sure_point: bool) -> tuple[str, str]:
    """Indicator and its decimal sign; the other sign is the thousands separator."""
    first = {kind: row for (kind,), row in rows.group_by("kind", maintain_order=True)}
    indicator = rows["indicator"][0]
    points = first.get("decimal point", first.get("thousands by commas"))
    commas = first.get("decimal comma", first.get("thousands by points"))
    unsure = [first[kind] for kind in ("point or thousands", "comma or thousands") if kind in first]
    if points is not None and commas is not None:
        raise _contradiction(points, commas, name=name)
    if points is not None:
        return indicator, "."
    if commas is not None:
        return indicator, ","
    if not unsure:
        return indicator, "."
    if len(unsure) > 1:
        raise _two_readings(unsure[0], unsure[1], name=name)
    only_points = "point or thousands" in first
    if only_points and (has_sure_point or ("plain" not in first and separator in (",", "\t", "|"))):
        return indicator, "."
    raise _two_readings(unsure[0], first.get("plain"), name=name)


def _two_readings(unsure: pl.DataFrame, other: pl.DataFrame | None, *, name: str) -> DataCheckError:
    row = unsure.row(0, named=True)
    as_integer = row["text"].replace(".", "").replace(",", "")
    beside = f", beside {other['value'][0]} in line {other['line'][0]}" if other is not None else ""
    return DataCheckError(
        f"{name}, line {row['line']}, column {row['column']}: {row['value']!r} can be read as "
        f"{row['text'].replace(',', '.')} and as {as_integer}{beside}",
        "likely cause: a spreadsheet of another language; save the column without thousands separators "
        f"({as_integer}), or with one more decimal ({row['text'].replace(',', '.')}0)",
    )


def _contradiction(points: pl.DataFrame, commas: pl.DataFrame, *, name: str) -> DataCheckError:
    first, second = points.row(0, named=True), commas.row(0, named=True)
    return DataCheckError(
        f"{name}, column {first['column']}: {first['value']!r} (line {first['line']}) and {second['value']!r} (line "
        f"{second['line']}) use point and comma in opposite ways",
        "likely cause: spreadsheets of different languages; save the column with one decimal sign",
    )


def not_a_number(value: str) -> str:
    """Hint for a text that should be a number, by its appearance."""
    if "%" in value:
        return "write the number without the per cent sign, and set its unit (docs/covariates.md)"
    if value.startswith("#"):
        return "this is a spreadsheet's error: correct the formula, or leave the field empty"
    if value[:1].isdigit() and value[-1:].isalpha():
        return "remove the note after the number, or leave the field empty where the value is missing"
    return "correct the value, or leave the field empty where the value is missing"
