"""Reads delimited text into columns: whole lines of bytes in; integers, texts and numbers out."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from minsum_kernels import fields_numba as loops
from minsum_kernels import plain_numba
from minsum_kernels.errors import FieldError
from minsum_kernels.jit import F64Array, I32Array, I64Array, U32Array
from minsum_kernels.memory import recycled
from minsum_kernels.plain_numba import find_byte, last_byte
from minsum_kernels.texts import Texts

__all__ = [
    "EMPTY",
    "NA_TEXTS",
    "NEWLINE",
    "PADDING",
    "FieldReader",
    "Kind",
    "Lines",
    "find_byte",
    "last_byte",
]

Kind = Literal["skip", "integer", "text", "number", "quantity"]
EMPTY: Final = loops.EMPTY
"""Value of an empty integer field."""

NEWLINE: Final = loops.NEWLINE
PADDING: Final = 80
"""Bytes that must follow the text in its buffer, because 64 are read at a time."""

BATCH_ROWS: Final = 131_072
"""Rows of a batch; work per batch then costs a few nanoseconds a row."""

_MOST_AT_ONCE: Final = 16_384
"""Rows read at a time: their texts are still in the caches when they are numbered."""

NA_TEXTS: Final = frozenset({b"NA", b"N/A", b"<NA>", b"None", b"NULL", b"null"})
"""Texts that R, pandas and databases write for an empty field."""

_WHOLE: Final = re.compile(rb"(-?[0-9]{1,17})\.0*")

_KINDS: Final[dict[Kind, int]] = {
    "skip": loops.SKIP, "integer": loops.INTEGER, "text": loops.TEXT, "number": loops.NUMBER, "quantity": loops.QUANTITY,
}  # fmt: skip
_PROBLEMS: Final = {loops.TOO_FEW: "too few fields", loops.TOO_MANY: "too many fields"}


@dataclass(frozen=True, slots=True)
class Lines:
    """A batch of rows.

    Attributes
    ----------
    line
        Line number of the start of each row, shape (n,).
    integers
        Integers by field, shape (n,); `EMPTY` for an empty field.
    texts
        Index of each text among `FieldReader.distinct`, by field, shape (n,).
    numbers
        Numbers and quantities by field, shape (n,); NaN for an empty field.
    """

    line: I64Array
    integers: dict[int, I64Array]
    texts: dict[int, U32Array]
    numbers: dict[int, F64Array]


class FieldReader:
    """Reads lines with equal fields, a batch of rows at a time.

    Parameters
    ----------
    kinds
        Kind of each field: `integer` (up to 17 digits), `text`, `number`, `quantity` (a number that may be invalid:
        infinite for NaN and for a text that is no number) or `skip`. Blanks around a field are ignored; an integer may
        be written `156.0`; `NA` and similar texts are empty fields.
    separator
        One byte.
    is_quoted
        Whether a field may be in double quotes and then hold separators and line ends.
    batch_rows
        Rows of a batch.
    expected
        Expected number of rows; a smaller number than `batch_rows` makes the first batch smaller.

    Attributes
    ----------
    n_rows
        Rows of the batch so far.
    is_full
        Whether the batch is full.
    n_missing, n_decimal_integers, n_exponents
        Number of fields so far with a text such as `NA`, with an integer such as `156.0`, and with an exponent
        (`1.2E+09`), which a spreadsheet may have shortened; quantities are not counted.
    """

    def __init__(
        self,
        kinds: Sequence[Kind],
        separator: bytes,
        *,
        is_quoted: bool,
        batch_rows: int = BATCH_ROWS,
        expected: int = BATCH_ROWS,
    ) -> None:
        self._kinds = np.array([_KINDS[kind] for kind in kinds], dtype=np.int64)
        self._separator, self._is_quoted, self._batch_rows = separator[0], is_quoted, batch_rows
        wanted = np.flatnonzero(self._kinds != loops.SKIP)
        self._wanted: tuple[I64Array, I64Array] = (wanted, self._kinds[wanted])
        self._place = {field: place for place, field in enumerate(wanted.tolist(), 1)}
        self._unread: I64Array = recycled((len(wanted) * _MOST_AT_ONCE, 4), np.int64)
        self._ends: I32Array = np.empty(0, dtype=np.int32)
        self._breaks: I32Array = self._ends
        self._texts = {field: Texts() for field in wanted.tolist() if kinds[field] == "text"}
        self.n_rows, self._size = 0, min(max(_MOST_AT_ONCE, expected), batch_rows)
        self.n_missing = self.n_decimal_integers = self.n_exponents = 0
        self._memory: I64Array | None = None

    def _begun(self) -> I64Array:
        """Memory of the current batch, shape (1 + number of fields to read, rows of the batch): line numbers, then fields."""
        if self._memory is None:
            self._memory = recycled((len(self._place) + 1, self._size), np.int64)
        return self._memory

    @property
    def is_full(self) -> bool:
        return self.n_rows == self._size

    def read(self, text: NDArray[np.uint8], start: int, stop: int, *, line: int) -> tuple[int, int]:
        """Add lines from `start` to the batch, until `stop` or until the batch is full.

        A line with an open quote at `stop` is not read.

        Parameters
        ----------
        text
            Bytes, shape (n,), with at least `PADDING` bytes after `stop`.
        start
            Position of a line's first byte.
        stop
            Position after a line end.
        line
            Number of the first line.

        Returns
        -------
        Position after the last line read, and the number of the next line.

        Raises
        ------
        FieldError
            At a bad line. If its number of fields is wrong, the rows before it are in the batch.
        """
        memory, first = self._begun(), self.n_rows
        read = self._read_quoted if self._is_quoted else self._read_plain
        n, n_lines, end, problem, n_unread = read(
            text, (start, stop), memory, first, first + min(_MOST_AT_ONCE, self._size - first)
        )
        memory[0, first : first + n] += line
        counts = self.n_missing, self.n_decimal_integers, self.n_exponents
        try:
            for row, field, begin, after in self._unread[:n_unread].tolist():
                self._read_field(bytes(text[begin:after]), memory, row, field)
        except FieldError:
            self.n_missing, self.n_decimal_integers, self.n_exponents = counts
            raise
        for field, texts in self._texts.items():
            keys = memory[self._place[field]]
            # In place: the index of row n lies in front of key n, where only keys lie that were read before.
            texts.index(keys[first : first + n], keys.view(np.uint32)[first : first + n])
        self.n_rows += n
        if problem in _PROBLEMS:
            raise FieldError(_PROBLEMS[problem], line + n_lines, None)
        return end, line + n_lines

    def take(self) -> Lines:
        """Return the batch and begin the next one."""
        memory, n = self._begun(), self.n_rows
        columns = {field: memory[place] for field, place in self._place.items()}
        self.n_rows, self._size, self._memory = 0, self._batch_rows, None
        return Lines(
            memory[0, :n],
            {field: column[:n] for field, column in columns.items() if self._kinds[field] == loops.INTEGER},
            {field: columns[field].view(np.uint32)[:n] for field in self._texts},
            {
                field: column.view(np.float64)[:n]
                for field, column in columns.items()
                if self._kinds[field] >= loops.NUMBER
            },
        )

    def distinct(self, field: int, start: int = 0) -> list[str]:
        """Distinct texts of a field in all batches taken, in order of appearance, from index `start` on."""
        return self._texts[field].distinct(start)

    def keys(self, field: int, start: int = 0) -> I64Array:
        """Keys of the same texts: a text of up to eight ASCII bytes has the same key in every file; keys of other
        texts are negative."""
        return self._texts[field].keys(start)

    def _read_quoted(
        self, text: NDArray[np.uint8], span: tuple[int, int], memory: I64Array, first: int, stop: int
    ) -> tuple[int, ...]:
        return loops.read_lines(
            text, span, self._separator, self._kinds, memory, memory.view(np.float64), (first, stop), self._unread
        )  # fmt: skip

    def _read_plain(
        self, text: NDArray[np.uint8], span: tuple[int, int], memory: I64Array, first: int, stop: int
    ) -> tuple[int, ...]:
        if len(self._ends) < len(text):
            # Large enough for text of delimiters only; the system provides memory only where it is written.
            self._ends, self._breaks = (recycled(len(text), np.int32) for _ in range(2))
        return plain_numba.read_plain(
            text, span, self._separator, len(self._kinds), self._wanted, memory, memory.view(np.float64), (first, stop),
            self._unread, (self._ends, self._breaks),
        )  # fmt: skip

    def _read_field(self, text: bytes, memory: I64Array, row: int, field: int) -> None:
        """Read a field that the loops leave: a long text, or a number that is no plain decimal."""
        kind, column, line = self._kinds[field], memory[self._place[field]], int(memory[0, row])
        if kind == loops.TEXT:
            column[row] = self._texts[field].key_of(text)
        elif kind == loops.INTEGER:
            column[row] = self._integer(text, line, field)
        else:
            column.view(np.float64)[row] = self._number(text, line, field)

    def _integer(self, text: bytes, line: int, field: int) -> int:
        """An integer with an empty fraction, as pandas writes columns with gaps, or an empty text such as `NA`."""
        if text in NA_TEXTS:
            self.n_missing += 1
            return EMPTY
        if whole := _WHOLE.fullmatch(text):
            self.n_decimal_integers += 1
            return int(whole[1])
        raise self._wrong("a whole number of at most 17 digits", text, line, field)

    def _number(self, text: bytes, line: int, field: int) -> float:
        """A number with a sign, an exponent or many digits, NaN or infinity, or an empty text such as `NA`."""
        is_quantity = self._kinds[field] == loops.QUANTITY
        if text in NA_TEXTS:
            self.n_missing += not is_quantity
            return math.nan
        try:
            if b"_" in text:
                raise ValueError
            value = float(text)
        except ValueError:
            if is_quantity:
                return math.inf
            raise self._wrong("a number", text, line, field) from None
        self.n_exponents += not is_quantity and b"e" in text.lower()
        return math.inf if is_quantity and math.isnan(value) else value

    def _wrong(self, expected: str, text: bytes, line: int, field: int) -> FieldError:
        found = text[:40].decode("latin-1")
        return FieldError(f"{found!r} is not {expected}", line, field, found)
