"""Opens covariate files as grids; the first bytes of a file decide its kind."""

from __future__ import annotations

import io
import json
import re
import struct
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any, Final

import polars as pl

from minsum.errors import DataCheckError, SourceError
from minsum.panel.covariates.grid import TABLE_SUFFIXES, THREE_DECIMALS, Grid, frame_grid, sheet_grid
from minsum.panel.covariates.text import text_grid
from minsum.sources.compression import open_text
from minsum.sources.files import Source

_WORKBOOK_SUFFIXES: Final = {".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"}
SUFFIXES: Final = {"", ".7z", *TABLE_SUFFIXES, *_WORKBOOK_SUFFIXES}
"""Suffixes of tables; other files in the folder (a README, a PDF) are skipped."""
_UNREADABLE: Final = {
    ".rds": "R data", ".rda": "R data", ".rdata": "R data", ".sav": "SPSS data", ".zsav": "SPSS data", ".por": "SPSS data",
    ".sas7bdat": "SAS data", ".xpt": "SAS data", ".mat": "MATLAB data", ".pkl": "a Python pickle", ".pickle": "a Python pickle",
    ".h5": "HDF5", ".hdf5": "HDF5", ".rar": "a RAR archive", ".tar": "a tar archive", ".tgz": "a tar archive",
    ".xz": "an xz archive", ".bz2": "a bzip2 archive", ".zst": "a Zstandard archive", ".numbers": "a Numbers document",
    ".mdb": "an Access database", ".accdb": "an Access database", ".sqlite": "an SQLite database", ".db": "a database",
    ".wf1": "an EViews workfile", ".gdt": "gretl data", ".xml": "XML", ".html": "a web page", ".htm": "a web page",
}  # fmt: skip
_DAMAGED: Final = (
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
    OSError,
    EOFError,
    MemoryError,
    struct.error,
)
"""Exceptions of pandas for a truncated or damaged Stata file."""
_DTA: Final = re.compile(rb"<stata_dta>|[\x69-\x73][\x01\x02]\x01\x00")
_OLE: Final = b"\xd0\xcf\x11\xe0"
_ZIP: Final = b"PK\x03\x04"
_GZIP: Final = b"\x1f\x8b"
_SNIFFED: Final = 1024


def is_table(name: str) -> bool:
    """Whether a file with this name may hold a table."""
    return PurePath(name).suffix.lower() in SUFFIXES


def unreadable(name: str) -> str | None:
    """Kind of a data file that minsum cannot read; None for any other file."""
    return _UNREADABLE.get(PurePath(name).suffix.lower())


def open_grids(source: Source) -> list[Grid]:
    """Every table of a file: the file itself, the members of a zip, or the sheets of a workbook.

    Raises
    ------
    DataCheckError
        If the file is empty, truncated, damaged or of a kind that minsum cannot read.
    """
    with source.path.open("rb") as file:
        start = file.read(_SNIFFED)
    if start[:4] == b"PAR1":
        return [frame_grid(_parquet(source), source.name)]
    if start[:2] == _GZIP or not start:
        return list(_unpacked(_inflated(source), source.name))
    if start[:4] in (_ZIP, _OLE) or start[:2] == b"7z" or _DTA.match(start):
        return list(_unpacked(source.path.read_bytes(), source.name))
    if b"\x00" in start or _is_json(start, source.name):
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
        frame = pl.scan_parquet(source.path, glob=False)
        frame.collect_schema()
    except pl.exceptions.PolarsError as error:
        raise DataCheckError(
            f"{source.name}: not readable as Parquet ({error})", "save it again as Parquet"
        ) from error
    return frame


def _unpacked(content: bytes, name: str) -> Iterator[Grid]:
    if content[:4] == _OLE:
        yield from _sheets(content, name)
    elif content[:4] == _ZIP:
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                yield from _members(archive, content, name)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise DataCheckError(
                f"{name}: the zip cannot be read ({error})", "unpack it and put the files here"
            ) from error
    elif content[:4] == b"PAR1":
        yield frame_grid(pl.scan_parquet(io.BytesIO(content)), name)
    elif content[:6] == b"ARROW1":
        yield frame_grid(pl.read_ipc(io.BytesIO(content)).lazy(), name)
    elif _DTA.match(content):
        yield _stata(content, name)
    elif _is_json(content[:_SNIFFED], name):
        yield _records(content, name)
    elif content[:2] == b"7z":
        raise DataCheckError(f"{name}: a 7z archive", "unpack it and put the CSV file here")
    elif b"\x00" in content[:_SNIFFED] and content[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        raise DataCheckError(
            f"{name}: neither text nor a workbook, zip, gzip or Parquet file",
            "save the table as CSV (UTF-8), XLSX or Parquet",
        )
    else:
        yield text_grid(content, name)


def _stata(content: bytes, name: str) -> Grid:
    """Grid of a Stata file; labelled values become their labels, dates become ISO dates."""
    import pandas as pd

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            frame = pd.read_stata(io.BytesIO(content), convert_missing=False)
        except _DAMAGED as error:
            raise DataCheckError(
                f"{name}: not readable as Stata data ({' '.join(str(error).split())[:200]})",
                "save it again from Stata (saveold), or as CSV: export delimited",
            ) from error
    text = {one: frame[one].astype("string") for one in frame.select_dtypes("category").columns}
    notes = dict.fromkeys(" ".join(str(one.message).split())[:200] for one in caught)
    return frame_grid(pl.from_pandas(frame.assign(**text)).lazy(), name, notes=tuple(notes))


def _is_json(start: bytes, name: str) -> bool:
    return PurePath(name).suffix.lower() in (".json", ".jsonl", ".ndjson") or start.lstrip(b"\xef\xbb\xbf \r\n\t")[:2] in (
        b"[{", b'{"', b"[\n", b"{\n",
    )  # fmt: skip


def _records(content: bytes, name: str) -> Grid:
    """Grid of a JSON file: a list of flat records, one record a line, or a list of records after a head."""
    try:
        parsed = _parsed(content.decode("utf-8-sig"))
        found = _list_of_records(parsed)
    except ValueError as error:
        raise DataCheckError(
            f"{name}: not readable as JSON ({error})", "save the table as CSV (UTF-8)"
        ) from error
    if found is None:
        raise DataCheckError(
            f"{name}: this JSON is not a list of records, one for each row",
            'save the table as CSV, or as records: [{"iso3": "CHN", "year": 2002, "capital": 0.2}, ...]',
        )
    rows = [{key: _text(value) for key, value in _flat(record).items()} for record in found]
    names = dict.fromkeys(key for row in rows for key in row)
    frame = pl.DataFrame(
        {key: [row.get(key) for row in rows] for key in names}, schema=dict.fromkeys(names, pl.String)
    )
    return frame_grid(frame.lazy(), name, notes=_pages(parsed))


def _pages(parsed: Any) -> tuple[str, ...]:
    """A note when the file holds one of several pages of the World Bank's API."""
    head = parsed[0] if isinstance(parsed, list) and isinstance(parsed[0], dict) else {}
    if not (str(head.get("pages", "")).isdigit() and int(head["pages"]) > 1):
        return ()
    return (
        f"page {head.get('page')} of {head['pages']}: the other pages are missing; add &per_page=20000 to the address",
    )


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) > 1 and all(line.lstrip().startswith("{") for line in lines):
            return [json.loads(line) for line in lines]
        raise


def _list_of_records(parsed: Any) -> list[dict[str, Any]] | None:
    """The only list of records in parsed JSON, at the top level or after a head."""
    if isinstance(parsed, list) and parsed and all(isinstance(one, dict) for one in parsed):
        return parsed
    inner = parsed.values() if isinstance(parsed, dict) else parsed if isinstance(parsed, list) else ()
    lists = [
        one for one in inner if isinstance(one, list) and one and all(isinstance(row, dict) for row in one)
    ]
    return lists[0] if len(lists) == 1 else None


def _flat(record: dict[str, Any]) -> dict[str, Any]:
    """A record with fields nested one level deep renamed, such as `country.value`."""
    flat: dict[str, Any] = {}
    for key, value in record.items():
        if isinstance(value, dict):
            flat |= {f"{key}.{inner}": one for inner, one in value.items()}
        else:
            flat[key] = value
    return flat


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
    """A cell as a person would type it: 2002, not 2002.0; a number with three decimals gets a fourth."""
    if isinstance(cell, float):
        return repr(int(cell)) if cell.is_integer() else re.sub(THREE_DECIMALS, r"\g<1>0", repr(cell))
    return "" if cell is None else str(cell)
