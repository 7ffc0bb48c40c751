"""Reads the text of one source, a batch of rows at a time.

Blocks of text bound memory for files of any size. One decompressor, which verifies length and checksum, serves gzip,
zip and plain files.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from minsum.errors import BrokenSourceError
from minsum.sources.formats import MAX_LINE_BYTES, Header, folded_name, split
from minsum_kernels.errors import FieldError
from minsum_kernels.fields import NEWLINE, PADDING, FieldReader, Lines, find_byte, last_byte
from minsum_kernels.memory import recycled

BLOCK_BYTES: Final = 4 << 20
"""Bytes decompressed at a time. Smaller blocks stay in the caches but need more calls: with 0.5, 1, 2 and 4 MiB
ingest took 5.0, 4.9, 4.8 and 4.75 s on the same files."""

MAX_BLANK_LINES: Final = 1_000_000
"""Most blank lines in a row; more are refused as a decompression bomb."""


def batches(
    file: BinaryIO, fields: FieldReader, header: Header, name: str, oddities: Counter[str]
) -> Iterator[Lines]:
    """Batches of rows from the rest of the file.

    Lines that repeat the header and lines of separators alone are left out, and counted in `oddities` as
    `repeated_headers` and `empty_lines`.

    Raises
    ------
    BrokenSourceError
        If a line does not have the fields of the header. The message names line, column, problem and likely cause.
    """
    text = recycled(BLOCK_BYTES + MAX_LINE_BYTES + PADDING + 1, np.uint8)
    window = text.data
    lines = _Lines(fields, header, name, oddities, text, header.number + 1)
    held = len(header.ahead)
    window[:held] = header.ahead
    unseen = 0
    while True:
        n_read = file.readinto(window[held : held + BLOCK_BYTES])  # type: ignore[attr-defined]
        end = held + n_read
        if find_byte(text, unseen, end, 0) >= 0:
            raise BrokenSourceError(
                f"{name}, after line {lines.number}: a zero byte, which text cannot hold",
                "the file is damaged there; download it again",
            )
        if not n_read and held:
            # The last line may lack its end.
            window[end] = NEWLINE
            end += 1
        start = yield from lines.read(last_byte(text, unseen, end, NEWLINE) + 1)
        held = unseen = end - start
        if not n_read and not held:
            break
        if held > MAX_LINE_BYTES or not n_read:
            has_quote = b'"' in bytes(window[start:end])
            raise _endless(name, lines.number, is_long=held > MAX_LINE_BYTES, has_quote=has_quote)
        text[:held] = text[start:end].copy()
    if fields.n_rows:
        yield fields.take()


@dataclass(slots=True)
class _Lines:
    """Reads the lines of a block; `number` is the number of the next line."""

    fields: FieldReader
    header: Header
    name: str
    oddities: Counter[str]
    text: NDArray[np.uint8]
    number: int
    n_blank: int = 0

    def read(self, stop: int) -> Generator[Lines, None, int]:
        """Full batches of the lines up to `stop`; returns the position after the last line read."""
        fields, start = self.fields, 0
        while start < stop:
            before = fields.n_rows
            try:
                reached, after = fields.read(self.text, start, stop, line=self.number)
            except FieldError as error:
                first, last = _line_at(self.text.data, start, stop, error.line - self.number)
                found = bytes(self.text.data[first:last]).decode("latin-1")
                if not (kind := _left_out(found, self.header)):
                    if fields.n_rows:
                        yield fields.take()
                    raise _explained(error, found, self.header, self.name) from error
                self.oddities[kind] += 1
                start = self._skip(error, start, first, last)
                continue
            if reached == start:
                break
            self.n_blank = self.n_blank + after - self.number if fields.n_rows == before else 0
            if self.n_blank > MAX_BLANK_LINES:
                raise BrokenSourceError(
                    f"{self.name}, to line {after}: {self.n_blank:,} blank lines",
                    "this is not a table minsum can read",
                )
            if fields.is_full:
                yield fields.take()
            start, self.number = reached, after
        return start

    def _skip(self, error: FieldError, start: int, first: int, last: int) -> int:
        """Leave out the line from `first` to `last`; returns the position to read from."""
        if error.field is None:
            # The rows before the line were read.
            self.number = error.line + 1
            return last
        # No row was read: read again with a blank line in place of the line.
        gap = last - first - 1
        self.text[start + gap : last - 1] = self.text[start:first].copy()
        return start + gap


def _line_at(window: memoryview, start: int, stop: int, n_lines: int) -> tuple[int, int]:
    """Positions of the line `n_lines` after `start`, and of the line after it."""
    size = 1 << 12
    while True:
        lines = bytes(window[start : min(start + size, stop)]).split(b"\n", n_lines + 1)
        if len(lines) == n_lines + 2 or start + size >= stop:
            break
        size *= 4
    first = start + sum(len(one) + 1 for one in lines[:n_lines])
    return first, first + len(lines[n_lines]) + 1


def _endless(name: str, line: int, *, is_long: bool, has_quote: bool) -> BrokenSourceError:
    problems = [f"a line of more than {MAX_LINE_BYTES:,} bytes"] if is_long else []
    problems += ["a quote that never closes, or text after one that closed"] if has_quote else []
    return BrokenSourceError(
        f"{name}, line {line}: {', or '.join(problems)}",
        "the file is cut or damaged there, or a field holds a lone quote: download it again, or double the quote"
        if has_quote
        else "this is not a table minsum can read; download it again",
    )


def _left_out(line: str, header: Header) -> str | None:
    """Why a line is left out, or None for a row."""
    if not line.strip(f'{header.separator}" \r\n'):
        return "empty_lines"
    return (
        "repeated_headers" if split(line, header.separator) == split(header.line, header.separator) else None
    )


def _explained(error: FieldError, line: str, header: Header, name: str) -> BrokenSourceError:
    where, found, shown = f"{name}, line {error.line}", split(line, header.separator), line.strip()[:80]
    alike = {*map(folded_name, found)} & {*map(folded_name, header.names)} - {""}
    if len(alike) > len(header.names) // 2:
        return BrokenSourceError(
            f"{where}: another header, of other or moved columns: {shown!r}",
            "two downloads in one file: put each in a file of its own",
        )
    if error.field is not None:
        return BrokenSourceError(
            f"{where}, column {header.names[error.field]}: {error.problem}", _likely_cause(error.text)
        )
    return BrokenSourceError(
        f"{where}: {error.problem}: {len(found)}, where the header has {len(header.names)}: {shown!r}",
        "the file was cut there (download it again), or a program wrote it without quotes around separators and line ends "
        "(save it again with quotes)",
    )


_CAUSES: Final = (
    (r"[-+]?[0-9]+,[0-9]+", "a decimal comma, or commas between thousands: a spreadsheet or R's write.csv2 wrote it; save it with "
     "decimal points and nothing between thousands, or take the file as it was downloaded"),
    (r"[-+]?[0-9]{1,3}([,. '’\u00a0\u202f_][0-9]{3})+([.,][0-9]*)?", "marks between thousands: a spreadsheet wrote it; format the "
     "column as a plain number and save it again, or take the file as it was downloaded"),
    (r"#.*[!?#/A-Z0]", "an error of a spreadsheet's: take the file as it was downloaded, and do not open it there"),
    (r"['‘’`].*", "an apostrophe with which a spreadsheet marks text: remove it, or take the file as it was downloaded"),
    (r"[$€£¥].*|.*[$€£¥]|US\$.*|.*USD", "a currency: format the column as a plain number and save it again"),
    (r"[0-9.]+[eE][+]?[0-9]+", "a spreadsheet shortened it: format the column as a plain number, or take the file as it was downloaded"),
    (r"[A-Za-z][A-Za-z .,()'-]*", "text where a number belongs: another column under this name, or a column that moved"),
)  # fmt: skip


def _likely_cause(text: str) -> str:
    """Likely cause of a field that is not a number, and what to do."""
    return next(
        (cause for pattern, cause in _CAUSES if re.fullmatch(pattern, text)),
        "the file is damaged there; download it again",
    )
