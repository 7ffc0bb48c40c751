"""Loops of the field reader for text with quotes: bytes to integers, short codes and decimal numbers."""

# p position in the text, f field of a line, k column that is kept, v number that is kept, n rows so far

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from minsum_kernels.bytes_numba import first, load, marks
from minsum_kernels.jit import F64Array, I64Array, kernel

U8Array = NDArray[np.uint8]

SKIP, INTEGER, TEXT, NUMBER, QUANTITY = 0, 1, 2, 3, 4
TOO_FEW, TOO_MANY, OPEN_QUOTE = 1, 2, 3
EMPTY = np.iinfo(np.int64).min
NOT_ASCII = np.uint64(0x8080808080808080)

_U0 = np.uint64(0)
NEWLINE, RETURN, QUOTE, BLANK, POINT, MINUS = 10, 13, 34, 32, 46, 45
_EXACT = 10**15
POWERS = 10.0 ** np.arange(23)


@kernel()
def _field_end(text: U8Array, p: int, separator: int) -> int:
    """Position of the separator or line end after the unquoted field at p."""
    while True:
        word = load(text, p)
        marked = marks(word, separator) | marks(word, NEWLINE)
        if marked != _U0:
            return p + first(marked)
        p += 8


@kernel()
def _quoted_end(text: U8Array, p: int, stop: int) -> tuple[int, int]:
    """Position of the quote that closes the one at p (-1 if none before `stop`), and the number of line ends between."""
    p, n_lines = p + 1, 0
    while p < stop:
        if text[p] == QUOTE:
            if text[p + 1] != QUOTE:
                return p, n_lines
            p += 1
        n_lines += text[p] == NEWLINE
        p += 1
    return -1, 0


@kernel()
def packed(text: U8Array, p: int, end: int) -> int:
    """Up to eight ASCII bytes as one integer, first byte lowest; -1 for other texts."""
    if end - p > 8:
        return -1
    packed = 0
    for place in range(end - p):
        packed |= np.int64(text[p + place]) << (8 * place)
    return -1 if np.uint64(packed) & NOT_ASCII != _U0 else packed


@kernel()
def integer(text: U8Array, p: int, end: int) -> tuple[bool, int]:
    """Whether the bytes are an integer of at most 17 digits, or empty (EMPTY), and its value."""
    if p == end:
        return True, EMPTY
    sign = 1
    if text[p] == MINUS:
        sign, p = -1, p + 1
    if p == end or end - p > 17:
        return False, 0
    value = 0
    while p < end:
        digit = np.int64(text[p]) - 48
        if digit < 0 or digit > 9:
            return False, 0
        value = value * 10 + int(digit)
        p += 1
    return True, sign * value


@kernel()
def number(text: U8Array, p: int, end: int) -> tuple[bool, float]:
    """Whether the bytes are a plain decimal that is exact in one division, and its value; NaN if empty.

    A mantissa below 10**15 and a power of ten up to 10**22 are exact, so the quotient is the float nearest to the
    decimal, as any correct parser gives it.
    """
    if p == end:
        return True, np.nan
    mantissa, places, has_point = 0, 0, False
    for q in range(p, end):
        digit = np.int64(text[q]) - 48
        if digit >= 0 and digit <= 9:
            mantissa = mantissa * 10 + digit
            places += has_point
            if mantissa >= _EXACT or places > 22:
                return False, 0.0
        elif digit == POINT - 48 and not has_point:
            has_point = True
        else:
            return False, 0.0
    return end - p > has_point, mantissa / POWERS[places]


@kernel()
def trimmed(text: U8Array, p: int, end: int) -> tuple[int, int]:
    """Start and end of the field without blanks around it."""
    while p < end and text[p] == BLANK:
        p += 1
    while end > p and text[end - 1] == BLANK:
        end -= 1
    return p, end


@kernel()
def note_unread(unread: I64Array, n_unread: int, n: int, f: int, start: int, end: int) -> int:
    """Record a field of row n that is not read here; return the number of such fields."""
    unread[n_unread, 0], unread[n_unread, 1], unread[n_unread, 2], unread[n_unread, 3] = n, f, start, end
    return n_unread + 1


@kernel()
def read_lines(
    text: U8Array,
    span: tuple[int, int],
    separator: int,
    kinds: I64Array,
    columns: I64Array,
    values: F64Array,
    rows: tuple[int, int],
    unread: I64Array,
) -> tuple[int, int, int, int, int]:
    """Read whole lines with quoted fields until the span ends or the last of `rows` is full.

    `columns` has the number of lines before each row, then the fields that are not skipped; `values` is the same memory, for
    numbers. Returns the number of rows, of lines, the end position, the problem (0: none) and the number of unread
    fields.
    """
    p, stop = span
    n, n_lines, n_unread, n_fields = rows[0], 0, 0, kinds.size
    while p < stop and n < rows[1]:
        line, inside = p, 0
        if text[p] == NEWLINE or (text[p] == RETURN and text[p + 1] == NEWLINE):
            p += 1 + (text[p] == RETURN)
            n_lines += 1
            continue
        f, k, before = 0, 1, n_unread
        while f < n_fields:
            kind = kinds[f]
            if text[p] == QUOTE:
                start = p + 1
                end, broken = _quoted_end(text, p, stop)
                inside += broken
                if end < 0:
                    return n - rows[0], n_lines, line, OPEN_QUOTE, before
                p = end + 1 + (text[end + 1] == RETURN)
                if text[p] != separator and text[p] != NEWLINE:
                    return n - rows[0], n_lines, line, OPEN_QUOTE, before
            else:
                start, p = p, _field_end(text, p, separator)
                end = p - (text[p] == NEWLINE and p > start and text[p - 1] == RETURN)
            is_last = text[p] == NEWLINE
            if is_last != (f + 1 == n_fields):
                return n - rows[0], n_lines, line, TOO_FEW if is_last else TOO_MANY, before
            if kind > SKIP:
                start, end = trimmed(text, start, end)
                if kind >= NUMBER:
                    good, values[k, n] = number(text, start, end)
                elif kind == TEXT:
                    columns[k, n] = packed(text, start, end)
                    good = columns[k, n] >= 0
                else:
                    good, columns[k, n] = integer(text, start, end)
                k += 1
                if not good:
                    n_unread = note_unread(unread, n_unread, n, f, start, end)
            p += 1
            f += 1
        columns[0, n] = n_lines
        n, n_lines = n + 1, n_lines + 1 + inside
    return n - rows[0], n_lines, p, 0, n_unread
