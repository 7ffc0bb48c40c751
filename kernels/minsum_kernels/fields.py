"""Delimited text to columns: whole lines of bytes in, integers, texts and numbers out."""

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

__all__ = ["EMPTY", "NEWLINE", "NOTHING", "PADDING", "FieldReader", "Kind", "Lines", "find_byte", "last_byte"]

Kind = Literal["skip", "integer", "text", "number", "figure"]
EMPTY: Final = loops.EMPTY
"""An integer field with nothing in it."""

NEWLINE: Final = loops.NEWLINE
PADDING: Final = 80
"""Bytes that must follow the text in its buffer: 64 are read at a time."""

ROOM: Final = 131_072
"""Rows of a batch: what is done to a batch as a whole then costs a few nanoseconds a row."""

_WINDOW: Final = 16_384
"""Rows read at a time: they are still in the caches when they are put to the others of the batch."""

NOTHING: Final = frozenset({b"NA", b"N/A", b"<NA>", b"None", b"NULL", b"null"})
"""What R, pandas and databases write for an empty field."""

_WHOLE: Final = re.compile(rb"(-?[0-9]{1,17})\.0*")

_KINDS: Final[dict[Kind, int]] = {
    "skip": loops.SKIP, "integer": loops.INTEGER, "text": loops.TEXT, "number": loops.NUMBER, "figure": loops.FIGURE,
}  # fmt: skip
_PROBLEMS: Final = {loops.TOO_FEW: "too few fields", loops.TOO_MANY: "too many fields"}


@dataclass(frozen=True, slots=True)
class Lines:
    """A batch of rows.

    Attributes
    ----------
    line
        Number of the line that each row begins with, shape (n,).
    integers
        By field, shape (n,): `EMPTY` when empty.
    texts
        By field, shape (n,): places among `FieldReader.distinct`.
    numbers
        Numbers and figures by field, shape (n,): NaN when empty.
    """

    line: I64Array
    integers: dict[int, I64Array]
    texts: dict[int, U32Array]
    numbers: dict[int, F64Array]


class FieldReader:
    """Reads lines that all have the same fields, a batch of rows at a time.

    Parameters
    ----------
    kinds
        What each field of a line is: `integer` (up to 17 digits), `text`, `number`, `figure`
        (a number that may be wrong: infinite for NaN and for what is no number), or `skip`. Blanks around a field do not
        count; an integer may be written `156.0`, and `NA` and the like are empty fields.
    separator
        One byte.
    is_quoted
        Whether a field may stand in double quotes and then hold separators and line ends.
    room
        Rows of a batch.
    expected
        Rows that there may be: for fewer than a batch's, the first one has no more room.

    Attributes
    ----------
    n_rows
        Rows of the batch so far.
    is_full
        Whether the batch has room for no more.
    n_nothing, n_whole, n_short
        Fields so far that hold a word for nothing (`NA`), whole numbers with an empty fraction (`156.0`), and numbers with
        an exponent, which a spreadsheet may have shortened (`1.2E+09`); figures aside.
    """

    def __init__(
        self,
        kinds: Sequence[Kind],
        separator: bytes,
        *,
        is_quoted: bool,
        room: int = ROOM,
        expected: int = ROOM,
    ) -> None:
        self._kinds = np.array([_KINDS[kind] for kind in kinds], dtype=np.int64)
        self._separator, self._is_quoted, self._room = separator[0], is_quoted, room
        wanted = np.flatnonzero(self._kinds != loops.SKIP)
        is_number = self._kinds[wanted] >= loops.NUMBER
        place = np.where(is_number, np.cumsum(is_number), np.cumsum(~is_number)) - 1
        window = min(_WINDOW, room)
        self._wanted: tuple[I64Array, I64Array, I64Array] = (wanted, self._kinds[wanted], place * window)
        self._place: dict[int, int] = dict(zip(wanted.tolist(), place.tolist(), strict=True))
        n_numbers = int(is_number.sum())
        self._columns: I64Array = recycled((len(wanted) - n_numbers, window), np.int64)
        self._values: F64Array = recycled((n_numbers, window), np.float64)
        self._line: I64Array = recycled(window, np.int64)
        self._unread: I64Array = recycled((len(wanted) * window, 4), np.int64)
        self._ends: I32Array = np.empty(0, dtype=np.int32)
        self._breaks: I32Array = self._ends
        self._texts = {field: Texts() for field in wanted.tolist() if kinds[field] == "text"}
        self.n_rows, self._next_room = 0, min(max(window, expected), room)
        self.n_nothing = self.n_whole = self.n_short = 0
        self._batch: Lines | None = None

    def _begun(self) -> Lines:
        """The batch: columns of one piece of memory."""
        if self._batch is None:
            shape, kinds = (len(self._place) + 1, self._next_room), self._kinds
            columns = iter(recycled(shape, np.int64))
            self._batch = Lines(
                next(columns),
                {field: next(columns) for field in self._place if kinds[field] == loops.INTEGER},
                {field: next(columns).view(np.uint32)[: shape[1]] for field in self._texts},
                {
                    field: next(columns).view(np.float64)
                    for field in self._place
                    if kinds[field] >= loops.NUMBER
                },
            )
        return self._batch

    @property
    def is_full(self) -> bool:
        return self.n_rows == self._next_room

    def read(self, text: NDArray[np.uint8], start: int, stop: int, *, line: int) -> tuple[int, int]:
        """Add lines from `start` on to the batch, until `stop` or as many as it has room for.

        A line whose last quote is still open at `stop` is left.

        Parameters
        ----------
        text
            Bytes, shape (n,), ending `PADDING` bytes after `stop`.
        start
            Position of a line's first byte.
        stop
            Position after a line end.
        line
            Number of the first line.

        Returns
        -------
        Position after the last line read, and the number of the line there.

        Raises
        ------
        FieldError
            At a bad line; the rows before one with other fields than it should have are in the batch.
        """
        read = self._read_quoted if self._is_quoted else self._read_plain
        n, n_lines, end, problem, n_unread = read(
            text, (start, stop), min(len(self._line), self._next_room - self.n_rows)
        )
        self._line[:n] += line
        counts = self.n_nothing, self.n_whole, self.n_short
        try:
            for row, field, first, last in self._unread[:n_unread].tolist():
                self._read_field(bytes(text[first:last]), row, field)
        except FieldError:
            self.n_nothing, self.n_whole, self.n_short = counts
            raise
        self._put(n)
        if problem in _PROBLEMS:
            raise FieldError(_PROBLEMS[problem], line + n_lines, None)
        return end, line + n_lines

    def _put(self, n: int) -> None:
        """Put what was read to the batch."""
        rows, batch = slice(self.n_rows, self.n_rows + n), self._begun()
        batch.line[rows] = self._line[:n]
        for field, column in batch.integers.items():
            column[rows] = self._columns[self._place[field], :n]
        for field, places in batch.texts.items():
            self._texts[field].number(self._columns[self._place[field], :n], places[rows])
        for field, numbers in batch.numbers.items():
            numbers[rows] = self._values[self._place[field], :n]
        self.n_rows += n

    def take(self) -> Lines:
        """The batch; the next one begins."""
        n, batch = self.n_rows, self._begun()
        self.n_rows, self._next_room, self._batch = 0, self._room, None
        return Lines(
            batch.line[:n],
            {field: column[:n] for field, column in batch.integers.items()},
            {field: column[:n] for field, column in batch.texts.items()},
            {field: column[:n] for field, column in batch.numbers.items()},
        )

    def distinct(self, field: int, start: int = 0) -> list[str]:
        """Texts of a field in all batches that were taken, in order of appearance, from a place on."""
        return self._texts[field].distinct(start)

    def words(self, field: int, start: int = 0) -> I64Array:
        """The same as words: a text of up to eight ASCII bytes has one of its own, the same in every file; others are below 0."""
        return self._texts[field].words(start)

    def _read_quoted(self, text: NDArray[np.uint8], span: tuple[int, int], room: int) -> tuple[int, ...]:
        return loops.read_lines(
            text,
            span,
            self._separator,
            self._kinds,
            self._columns,
            self._values,
            self._line[:room],
            self._unread,
        )

    def _read_plain(self, text: NDArray[np.uint8], span: tuple[int, int], room: int) -> tuple[int, ...]:
        if len(self._ends) < len(text):
            # Enough for nothing but delimiters; memory is used as far as it is written.
            self._ends, self._breaks = (recycled(len(text), np.int32) for _ in range(2))
        return plain_numba.read_plain(
            text, span, self._separator, len(self._kinds), self._wanted, self._columns, self._values,
            self._line[:room], self._unread, (self._ends, self._breaks),
        )  # fmt: skip

    def _read_field(self, text: bytes, row: int, field: int) -> None:
        """A field that the loops leave: a long text, or a number that is no plain decimal."""
        kind, place = self._kinds[field], self._place[field]
        if kind == loops.TEXT:
            self._columns[place, row] = self._texts[field].word_of(text)
        elif kind == loops.INTEGER:
            self._columns[place, row] = self._integer(text, row, field)
        else:
            self._values[place, row] = self._number(text, row, field)

    def _integer(self, text: bytes, row: int, field: int) -> int:
        """A whole number with an empty fraction, as a column with gaps has them in pandas, or a word for none."""
        if text in NOTHING:
            self.n_nothing += 1
            return EMPTY
        if whole := _WHOLE.fullmatch(text):
            self.n_whole += 1
            return int(whole[1])
        raise self._wrong("a whole number of at most 17 digits", text, row, field)

    def _number(self, text: bytes, row: int, field: int) -> float:
        """A number with a sign, an exponent or many digits, NaN or infinity, or a word for none."""
        is_figure = self._kinds[field] == loops.FIGURE
        if text in NOTHING:
            self.n_nothing += not is_figure
            return math.nan
        try:
            if b"_" in text:
                raise ValueError
            value = float(text)
        except ValueError:
            if is_figure:
                return math.inf
            raise self._wrong("a number", text, row, field) from None
        self.n_short += not is_figure and b"e" in text.lower()
        return math.inf if is_figure and math.isnan(value) else value

    def _wrong(self, expected: str, text: bytes, row: int, field: int) -> FieldError:
        found = text[:40].decode("latin-1")
        return FieldError(f"{found!r} is not {expected}", int(self._line[row]), field, found)
