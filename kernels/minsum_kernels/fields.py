"""Delimited text to columns: whole lines of bytes in, integers, packed codes and numbers out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from minsum_kernels import fields_numba as loops
from minsum_kernels import plain_numba
from minsum_kernels.errors import FieldError
from minsum_kernels.jit import F64Array, I32Array, I64Array
from minsum_kernels.plain_numba import find_byte, last_byte

__all__ = [
    "EMPTY", "NEWLINE", "PADDING", "FieldReader", "Kind", "Lines", "find_byte", "last_byte", "pack", "unpack",
]  # fmt: skip

Kind = Literal["skip", "integer", "code", "number", "figure"]
EMPTY: Final = loops.EMPTY
"""An integer field with nothing in it."""

NEWLINE: Final = loops.NEWLINE
PADDING: Final = 80
"""Bytes that must follow the text in its buffer: 64 are read at a time."""

_KINDS: Final[dict[Kind, int]] = {
    "skip": loops.SKIP, "integer": loops.INTEGER, "code": loops.CODE, "number": loops.NUMBER,
    "figure": loops.FIGURE,
}  # fmt: skip
_PROBLEMS: Final = {
    loops.TOO_FEW: "too few fields",
    loops.TOO_MANY: "too many fields",
    loops.NOT_INTEGER: "not a whole number of at most 17 digits",
}


@dataclass(frozen=True, slots=True)
class Lines:
    """What was read; the arrays are views that the next call overwrites.

    Attributes
    ----------
    stop
        Position after the last line read.
    n_lines
        Lines read, those without a row (blank ones) and those inside quotes included.
    columns
        Shape (n_kept, n_rows): integers (`EMPTY` when empty) and codes (see `pack`), in order of the fields.
    values
        Numbers and figures, shape (n_numbers, n_rows), in order of the fields; NaN when empty.
    """

    stop: int
    n_lines: int
    columns: I64Array
    values: F64Array

    @property
    def n_rows(self) -> int:
        """Lines that hold a row."""
        return len(self.values[0])


class FieldReader:
    """Reads lines that all have the same fields.

    Parameters
    ----------
    kinds
        What each field of a line is: `integer` (up to 17 digits), `code` (compared by its bytes), `number`, `figure`
        (a number that may be wrong: NaN for `NA`, infinite for NaN and for what is no number), or `skip`. Blanks
        around a field do not count.
    separator
        One byte.
    is_quoted
        Whether a field may stand in double quotes and then hold separators and line ends.
    room
        Rows read at a time.
    """

    def __init__(
        self, kinds: Sequence[Kind], separator: bytes, *, is_quoted: bool, room: int = 32_768
    ) -> None:
        self._kinds = np.array([_KINDS[kind] for kind in kinds], dtype=np.int64)
        self._separator, self._is_quoted = separator[0], is_quoted
        wanted = np.flatnonzero(self._kinds != loops.SKIP)
        is_number = self._kinds[wanted] >= loops.NUMBER
        place = np.where(is_number, np.cumsum(is_number), np.cumsum(~is_number)) - 1
        self._wanted: tuple[I64Array, I64Array, I64Array] = (wanted, self._kinds[wanted], place * room)
        self._number_fields: list[int] = wanted[is_number].tolist()
        n_numbers = len(self._number_fields)
        self._columns: I64Array = np.empty((len(wanted) - n_numbers, room), dtype=np.int64)
        self._values: F64Array = np.empty((n_numbers, room))
        self._ends: I32Array = np.empty(0, dtype=np.int32)
        self._breaks: I32Array = self._ends
        self._unread: I64Array = np.empty((n_numbers * room, 4), dtype=np.int64)

    def read(self, text: NDArray[np.uint8], start: int, stop: int) -> Lines:
        """Read lines from `start` on, until `stop` or as many as there is room for.

        A line whose last quote is still open at `stop` is left: nothing is read when it is the first.

        Parameters
        ----------
        text
            Bytes, shape (n,), ending `PADDING` bytes after `stop`.
        start
            Position of a line's first byte.
        stop
            Position after a line end.

        Raises
        ------
        FieldError
            At the first bad line, once it is the first of a call.
        """
        read = self._read_quoted if self._is_quoted else self._read_plain
        n, n_lines, end, problem, field, n_unread = read(text, (start, stop))
        for row, place, first, last in self._unread[:n_unread].tolist():
            self._values[place, row] = self._number(bytes(text[first:last]), row, place)
        if problem in _PROBLEMS and n == 0:
            raise FieldError(_PROBLEMS[problem], n_lines, field if problem == loops.NOT_INTEGER else None)
        return Lines(end, n_lines, self._columns[:, :n], self._values[:, :n])

    def _read_quoted(self, text: NDArray[np.uint8], span: tuple[int, int]) -> tuple[int, ...]:
        return loops.read_lines(
            text, span, self._separator, self._kinds, self._columns, self._values, self._unread
        )

    def _read_plain(self, text: NDArray[np.uint8], span: tuple[int, int]) -> tuple[int, ...]:
        if len(self._ends) < len(text):
            # Enough for nothing but delimiters; memory is used as far as it is written.
            self._ends, self._breaks = (np.empty(len(text), dtype=np.int32) for _ in range(2))
        return plain_numba.read_plain(
            text, span, self._separator, len(self._kinds), self._wanted, self._columns, self._values,
            self._unread, (self._ends, self._breaks),
        )  # fmt: skip

    def _number(self, text: bytes, row: int, place: int) -> float:
        """A number that is no plain decimal: signs, exponents, many digits, NaN and infinity."""
        field = self._number_fields[place]
        is_figure = self._kinds[field] == loops.FIGURE
        try:
            if b"_" in text:
                raise ValueError
            value = float(text)
        except ValueError:
            if is_figure:
                return math.nan if text == b"NA" else math.inf
            found = text[:40].decode("latin-1")
            raise FieldError(f"{found!r} is not a number", row, field) from None
        return math.inf if is_figure and math.isnan(value) else value


def pack(code: str) -> int:
    """A code of up to eight bytes as `Lines.columns` holds it: its bytes, the first one lowest."""
    return int.from_bytes(code.encode(), "little", signed=True)


def unpack(packed: int) -> str:
    """Inverse of `pack`; a code of more than eight bytes is not kept and is shown as dots."""
    if packed == loops.LONG_CODE:
        return "..."
    return packed.to_bytes(8, "little", signed=True).rstrip(b"\0").decode("latin-1")
