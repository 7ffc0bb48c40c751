"""Converts files that the field reader cannot read to plain text: UTF-16, carriage returns, workbooks, JSON."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Iterable
from threading import Lock
from typing import Any, BinaryIO, Final

from minsum.errors import BrokenSourceError

MAX_WORKBOOK: Final = 24 << 20
"""Largest workbook in bytes: 100,000 rows of a web download are 12 million bytes, and take 150 million in memory."""

MAX_JSON: Final = 64 << 20
"""Largest JSON file in bytes: some 50,000 rows of the API, which take 300 million bytes in memory."""

MAX_ROWS: Final = 1_048_576
"""Rows of a full sheet, which Excel may have cut."""

_CHUNK: Final = 1 << 20
_CONVERTING: Final = Lock()
"""Only one file is converted at a time, which bounds memory."""


class Recoded(io.RawIOBase):
    """A file converted to UTF-8 with line feeds. Bytes of an 8-bit encoding are kept.

    Parameters
    ----------
    start, file
        Bytes already read, and the rest of the file.
    encoding
        Encoding of the file; `latin-1` for every 8-bit encoding.
    name
        Name of the file, for error messages.
    """

    def __init__(self, start: bytes, file: BinaryIO, encoding: str, name: str) -> None:
        decoder = codecs.getincrementaldecoder(encoding)()
        self._decoder, self._file, self._name = (
            io.IncrementalNewlineDecoder(decoder, translate=True),
            file,
            name,
        )
        self._encoding = "latin-1" if encoding == "latin-1" else "utf-8"
        self._waiting, self._start, self._is_over = b"", start, False
        self._n_lines = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._waiting and not self._is_over:
            read = self._start or self._file.read(_CHUNK)
            self._start, self._is_over = b"", not read
            try:
                self._waiting = self._decoder.decode(read, final=not read).encode(self._encoding)
            except UnicodeError as error:
                raise BrokenSourceError(
                    f"{self._name}, after line {self._n_lines}: begins as {getattr(error, 'encoding', 'encoded')} text, but is not "
                    "valid to its end",
                    "the file is cut or damaged; download it again",
                ) from error
            self._n_lines += self._waiting.count(b"\n")
        n = min(len(buffer), len(self._waiting))
        buffer[:n], self._waiting = self._waiting[:n], self._waiting[n:]
        return n


def workbook_text(content: bytes, name: str) -> bytes:
    """The only non-empty sheet of a workbook as CSV, one line per row.

    Raises
    ------
    BrokenSourceError
        If the workbook is not readable, or has no or several non-empty sheets.
    """
    from python_calamine import CalamineError, CalamineWorkbook

    with _CONVERTING:
        try:
            workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
            sheets = [workbook.get_sheet_by_name(one) for one in workbook.sheet_names]
            filled = [sheet for sheet in sheets if sheet.height > 1]
            if len(filled) == 1 and filled[0].total_height + 1 < MAX_ROWS:
                above = filled[0].start[0] if filled[0].start else 0
                rows = ([_cell(cell) for cell in row] for row in filled[0].iter_rows())
                return b"\n" * above + _csv(rows)
        except CalamineError as error:
            raise BrokenSourceError(
                f"{name}: a document that is not readable as a workbook ({error})",
                "save the sheet as CSV (UTF-8)",
            ) from error
    if filled:
        found = ", ".join(repr(sheet.name) for sheet in filled)
        problem = (
            f"{len(filled)} sheets hold tables: {found}"
            if len(filled) > 1
            else "its sheet is full: rows may be lost"
        )
        raise BrokenSourceError(
            f"{name}: a workbook: {problem}", "save each table as a CSV file of its own (UTF-8)"
        )
    raise BrokenSourceError(f"{name}: a workbook without a table", "save the table as CSV (UTF-8)")


def json_text(content: bytes, name: str) -> bytes:
    """The only list of records in a JSON file as CSV, one line per record.

    The list may be the whole file, an entry beside metadata, or one record per line.

    Raises
    ------
    BrokenSourceError
        If the file is not readable, or has no or several such lists.
    """
    with _CONVERTING:
        try:
            parsed = _parsed(content.decode("utf-8-sig"))
            records = _records(parsed)
        except (ValueError, RecursionError) as error:
            raise BrokenSourceError(
                f"{name}: not readable as JSON ({error})",
                "the file is cut or damaged; download it again, as CSV",
            ) from error
        if records is None:
            raise BrokenSourceError(
                f"{name}: JSON without a list of records, one for each row", "download the data as CSV"
            )
        said = str(parsed.get("count", "")) if isinstance(parsed, dict) else ""
        if said.isdecimal() and int(said) > len(records):
            raise BrokenSourceError(
                f"{name}: {len(records):,} records, but its count says {int(said):,}",
                "download it again in parts: fewer reporters, years or products at a time",
            )
        names = list(dict.fromkeys(key for record in records for key in record))
        return _csv([names, *([_cell(record.get(key)) for key in names] for record in records)])


def _parsed(text: str) -> Any:
    """Parsed JSON, with numbers as text."""
    as_text: dict[str, Any] = {"parse_float": str, "parse_int": str}
    try:
        return json.loads(text, **as_text)
    except json.JSONDecodeError:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) > 1 and all(line.lstrip().startswith("{") for line in lines):
            return [json.loads(line, **as_text) for line in lines]
        raise


def _records(parsed: Any) -> list[dict[str, Any]] | None:
    inner = parsed.values() if isinstance(parsed, dict) else ()
    lists = [
        one
        for one in (parsed, *inner)
        if isinstance(one, list) and one and all(isinstance(record, dict) for record in one)
    ]
    return lists[0] if len(lists) == 1 else None


def _csv(rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _cell(value: object) -> str:
    """A cell as text on one line; 2002.0 becomes 2002."""
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() else repr(value)
    return "" if value is None else " ".join(str(value).split())
