"""Covariate files on disk, opened as grids by what their first bytes say."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import PurePath
from typing import Final

import polars as pl

from minsum.covariates.grid import Grid, frame_grid, sheet_grid, text_grid
from minsum.errors import DataCheckError, SourceError
from minsum.sources import Source, open_text

_WORKBOOK_SUFFIXES: Final = {".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"}
SUFFIXES: Final = {"", ".csv", ".tsv", ".tab", ".txt", ".gz", ".zip", ".7z", ".parquet", *_WORKBOOK_SUFFIXES}
"""Other files in the folder (a README, a PDF) are passed over."""
_OLE: Final = b"\xd0\xcf\x11\xe0"
_ZIP: Final = b"PK\x03\x04"
_GZIP: Final = b"\x1f\x8b"
_SNIFFED: Final = 1024


def is_table(name: str) -> bool:
    """Whether a file of that name may hold a table."""
    return PurePath(name).suffix.lower() in SUFFIXES


def open_grids(source: Source) -> list[Grid]:
    """Every table in a file: itself, the members of a zip, the sheets of a workbook.

    Raises
    ------
    DataCheckError
        If the file is empty, truncated, corrupt or of a kind that cannot be read.
    """
    with source.path.open("rb") as file:
        start = file.read(_SNIFFED)
    if start[:4] == b"PAR1":
        return [frame_grid(_parquet(source), source.name)]
    if start[:2] == _GZIP or not start:
        return list(_unpacked(_inflated(source), source.name))
    if start[:4] in (_ZIP, _OLE) or start[:2] == b"7z" or b"\x00" in start:
        return list(_unpacked(source.path.read_bytes(), source.name))
    return [text_grid(source.path, source.name)]


def _inflated(source: Source) -> bytes:
    try:
        with open_text(source) as text:
            return text.read()
    except SourceError as error:
        raise DataCheckError(error.message, error.hint) from error


def _parquet(source: Source) -> pl.LazyFrame:
    try:
        frame = pl.scan_parquet(source.path)
        frame.collect_schema()
    except pl.exceptions.PolarsError as error:
        raise DataCheckError(f"{source.name}: not readable as Parquet ({error})", "write it again") from error
    return frame


def _unpacked(content: bytes, name: str) -> Iterator[Grid]:
    if content[:4] == _OLE:
        yield from _sheets(content, name)
    elif content[:4] == _ZIP:
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                yield from _members(archive, content, name)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise DataCheckError(f"{name}: the zip cannot be read ({error})", "unpack it yourself") from error
    elif content[:2] == b"7z":
        raise DataCheckError(f"{name}: a 7z archive", "unpack it and put the CSV file here")
    elif b"\x00" in content[:_SNIFFED]:
        raise DataCheckError(
            f"{name}: neither text nor a workbook, zip, gzip or Parquet file",
            "save the table as CSV (UTF-8) or XLSX",
        )
    else:
        yield text_grid(content, name)


def _members(archive: zipfile.ZipFile, content: bytes, name: str) -> Iterator[Grid]:
    members = [member for member in archive.namelist() if not member.endswith("/")]
    if any(part in members for part in ("[Content_Types].xml", "mimetype")):
        yield from _sheets(content, name)
        return
    for member in members:
        hidden = PurePath(member).name.startswith((".", "_")) or "__MACOSX" in member
        if is_table(member) and not hidden:
            yield from _unpacked(archive.read(member), f"{name}: {member}")


def _sheets(content: bytes, name: str) -> Iterator[Grid]:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        for sheet in workbook.sheet_names:
            rows = workbook.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
            yield sheet_grid([[_text(cell) for cell in row] for row in rows], sheet, workbook=name)
    except CalamineError as error:
        raise DataCheckError(
            f"{name}: not readable as a workbook ({error})", "save the sheet as CSV (UTF-8)"
        ) from error


def _text(cell: object) -> str:
    """A cell as a person would type it: 2002 and not 2002.0."""
    if isinstance(cell, float):
        return repr(int(cell)) if cell.is_integer() else repr(cell)
    return "" if cell is None else str(cell)
