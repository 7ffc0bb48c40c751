"""Reads workbooks of the UN Statistics Division: a Conversion and a Correlation sheet between two HS vintages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from minsum.errors import DataCheckError
from minsum.harmonise.vintages import YEARS

_YEAR: Final = re.compile(r"(?<!\d)(1988|1992|1996|2002|2007|2012|2017|2022)(?!\d)")
_VINTAGE_OF: Final = {str(year): vintage for vintage, year in YEARS.items()} | {"1988": "H0"}
_NOTHING: Final = ("", "n/a", "na", "none")
SUFFIXES: Final = (".xls", ".xlsx")

Cell = Any
Codes = NDArray[np.int32]
Row = tuple[int, str, str]
"""Row number in the sheet, code of the newer vintage, code of the older vintage; a missing code is empty."""


@dataclass(frozen=True, slots=True)
class Concordance:
    """The UN's conversions and links between two adjacent vintages.

    Attributes
    ----------
    newer, older
        The vintages, such as `H5` and `H4`.
    sources
        Codes of the newer vintage that have a target, as numbers, ascending, shape (n_codes,).
    targets
        Target of each source in the older vintage, shape (n_codes,).
    links
        Pairs of a newer and an older code that share a product, ascending, shape (n_links, 2): all pairs of the
        Correlation sheet, and the few pairs of the Conversion sheet that the Correlation sheet lacks (3 from H3 to
        H2: printers, 844331 to 844359).
    """

    newer: str
    older: str
    sources: Codes
    targets: Codes
    links: Codes


def is_workbook(path: Path) -> bool:
    """Whether a file name is a workbook's."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(("~", "."))


def named_pair(name: str) -> tuple[str, str] | None:
    """Vintages in a file name, newer first: `HS2017toHS2012...`; None unless it names exactly two."""
    found = [_VINTAGE_OF[year] for year in _YEAR.findall(name)]
    return (found[0], found[1]) if len(found) == 2 else None


def read_workbook(path: Path) -> Concordance:
    """Read one workbook; sheet names, header rows and cell types may vary as in the UN's workbooks.

    Raises
    ------
    DataCheckError
        For a file that is not a workbook, a missing sheet, sheets of different vintages, vintages that contradict
        the file name, a cell that is not a code, or a code with two targets. The message names file, sheet and row.
    """
    sheets = _sheets(path)
    found = {}
    for kind in ("conversion", "correlation"):
        names = [name for name in sheets if kind in name.lower()]
        if len(names) != 1:
            raise DataCheckError(
                f"{path.name}: {len(names)} {kind} sheets among {', '.join(sheets)}, expected one",
                "use the workbook as the UN Statistics Division publishes it",
            )
        found[kind] = _Sheet.of(sheets[names[0]], f"{path.name}, sheet {names[0]}")
    conversion, correlation = found["conversion"], found["correlation"]
    claimed = named_pair(path.name)
    for sheet in (conversion, correlation):
        if claimed is not None and sheet.pair != claimed:
            raise DataCheckError(
                f"{sheet.place}: between {' and '.join(sheet.pair)}, but the file name says "
                f"{' and '.join(claimed)}",
                "the workbook has the wrong name: rename it",
            )
        if sheet.pair != conversion.pair:
            raise DataCheckError(
                f"{sheet.place}: between {' and '.join(sheet.pair)}, but the other sheet is between "
                f"{' and '.join(conversion.pair)}"
            )
    targets = _targets(conversion)
    links = {(newer, older) for _, newer, older in correlation.rows if newer and older} | set(targets.items())
    numbers = np.array(sorted(targets.items()), dtype=np.int32)
    return Concordance(
        *conversion.pair, numbers[:, 0], numbers[:, 1], np.array(sorted(links), dtype=np.int32)
    )


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A parsed sheet: its place for messages, its vintages and its rows."""

    place: str
    pair: tuple[str, str]
    rows: list[Row]

    @classmethod
    def of(cls, cells: Sequence[Sequence[Cell]], place: str) -> _Sheet:
        header, columns, pair = _header(cells, place)
        return cls(place, pair, list(_codes(cells, header, columns, place)))


def _sheets(path: Path) -> dict[str, list[list[Cell]]]:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_path(path)
        return {
            name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names
        }
    except (CalamineError, OSError) as error:
        raise DataCheckError(
            f"{path.name}: not readable as a workbook ({error})",
            "use the workbook as the UN Statistics Division publishes it",
        ) from error


def _header(cells: Sequence[Sequence[Cell]], place: str) -> tuple[int, tuple[int, int], tuple[str, str]]:
    """Row of the header, its two code columns and their vintages; each header cell names one year."""
    for number, row in enumerate(cells):
        years = {k: _YEAR.findall(cell) for k, cell in enumerate(row) if isinstance(cell, str)}
        single = [(k, found[0]) for k, found in years.items() if len(found) == 1]
        if len(single) == 2 and single[0][1] != single[1][1]:
            (newer, first), (older, second) = single
            return number, (newer, older), (_VINTAGE_OF[first], _VINTAGE_OF[second])
    raise DataCheckError(f"{place}: no header that names two vintages, such as HS 2017 and HS 2012")


def _codes(
    cells: Sequence[Sequence[Cell]], header: int, columns: tuple[int, int], place: str
) -> Iterator[Row]:
    for number, row in enumerate(cells[header + 1 :], start=header + 2):
        newer, older = (_code(row[k] if k < len(row) else "", f"{place}, row {number}") for k in columns)
        if newer or older:
            yield number, newer, older


def _code(cell: Cell, place: str) -> str:
    """Six-digit code of a cell (text or number, dots and leading zero optional); empty for an empty cell."""
    text = str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()
    if text.lower() in _NOTHING:
        return ""
    digits = text.replace(".", "").replace(" ", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) in (5, 6)):
        raise DataCheckError(f"{place}: {text!r} is not a six-digit HS code")
    return digits.zfill(6)


def _targets(sheet: _Sheet) -> dict[str, str]:
    targets: dict[str, str] = {}
    for number, newer, older in sheet.rows:
        if newer and older and targets.setdefault(newer, older) != older:
            raise DataCheckError(
                f"{sheet.place}, row {number}: {newer} goes to {older}, but in a row above to {targets[newer]}",
                "keep one target for each code of the Conversion sheet",
            )
    if not targets:
        raise DataCheckError(f"{sheet.place}: no codes below the header")
    return targets
