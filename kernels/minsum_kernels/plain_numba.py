"""Loops of the field reader for text without quotes: finds all delimiters first, 64 bytes at a time."""

# p position in the text, d delimiter (separator or line end), w wanted field of a line, n rows so far

from __future__ import annotations

import numpy as np

from minsum_kernels.bytes_numba import bit_count, equal64, first, get, load, marks, put, trailing_zeros
from minsum_kernels.fields_numba import (
    BLANK,
    NEWLINE,
    NOT_ASCII,
    NUMBER,
    POINT,
    POWERS,
    RETURN,
    TEXT,
    TOO_FEW,
    TOO_MANY,
    U8Array,
    integer,
    note_unread,
    number,
    packed,
    trimmed,
)
from minsum_kernels.jit import F64Array, I32Array, I64Array, kernel

WINDOW = 1 << 15
"""Bytes whose delimiters are found at a time: delimiters and text stay in the first-level caches."""

STRIDE = 4
"""Positions written without a test in between; 64 bytes of bulk text hold 13 delimiters."""

_U0, _U1 = np.uint64(0), np.uint64(1)
_ZEROS, _HIGH, _ABOVE_NINE = (np.uint64(b * 0x0101010101010101) for b in (0x30, 0x80, 0x46))
_PAIRS, _QUADS = np.uint64(0x00FF00FF00FF00FF), np.uint64(0x0000FFFF0000FFFF)
_TEN, _HUNDRED, _MYRIAD = np.uint64(2561), np.uint64(6553601), np.uint64(42949672960001)
_U8, _U16, _U32, _U63 = np.uint64(8), np.uint64(16), np.uint64(32), np.uint64(63)


@kernel()
def digits_of(word: np.uint64, length: int) -> tuple[bool, int]:
    """Whether the lowest `length` bytes (1 to 8) are digits, and the number they form."""
    unused = np.uint64(64 - 8 * length)
    # Shifts stay below 64 for every length; a branch on the length would be unpredictable.
    word = (word << unused) | ((_ZEROS >> _U1) >> (_U63 - unused))
    word -= _ZEROS
    others = ((word + _ABOVE_NINE + _ZEROS) | word) & _HIGH
    word = ((word * _TEN) >> _U8) & _PAIRS
    word = ((word * _HUNDRED) >> _U16) & _QUADS
    return others == _U0, np.int64((word * _MYRIAD) >> _U32)


@kernel()
def _decimal(text: U8Array, p: int, end: int) -> tuple[bool, float]:
    """As `number`; reads up to eight digits before and after the point together."""
    word, length = load(text, p), end - p
    points = marks(word, POINT)
    if points == _U0 and length > 8:
        return number(text, p, end)
    whole = min(first(points) if points != _U0 else 8, length)
    places = length - whole - 1
    if whole == 0 or places == 0 or places > 8 or whole + places > 15:
        return number(text, p, end)
    good, value = digits_of(word, whole)
    if places < 0:
        return (True, float(value)) if good else number(text, p, end)
    also_good, rest = digits_of(load(text, p + whole + 1), places)
    if not (good and also_good):
        return number(text, p, end)
    return True, (value * np.int64(POWERS[places]) + rest) / POWERS[places]


@kernel()
def find_byte(text: U8Array, p: int, stop: int, byte: int) -> int:
    """Position of the first such byte from p up to stop, or -1."""
    while p < stop:
        found = equal64(text, p, np.uint8(byte))
        if found != _U0:
            p += np.int64(trailing_zeros(found))
            return p if p < stop else -1
        p += 64
    return -1


@kernel()
def last_byte(text: U8Array, start: int, stop: int, byte: int) -> int:
    """Position of the last such byte from start up to stop, or -1."""
    for p in range(stop - 1, start - 1, -1):
        if text[p] == byte:
            return p
    return -1


@kernel()
def _delimiters(
    text: U8Array, p: int, stop: int, separator: int, n_fields: int, ends: I32Array, breaks: I32Array
) -> int:
    """Find all separators and line ends: their positions from `ends[1]` on, and which of them are line ends. Returns
    the number of lines."""
    put(ends, 0, np.int32(p - 1))
    d, n_lines = 1, 0
    while p < stop:
        newlines = equal64(text, p, np.uint8(NEWLINE))
        marked = equal64(text, p, np.uint8(separator)) | newlines
        if stop - p < 64:
            inside = (_U1 << np.uint64(stop - p)) - _U1
            marked, newlines = marked & inside, newlines & inside
        n_lines += np.int64(bit_count(newlines))
        at, d = d, d + np.int64(bit_count(marked))
        while at < d:
            # No test in between; positions written beyond the last are overwritten.
            for place in range(STRIDE):
                put(ends, at + place, np.int32(p + np.int64(trailing_zeros(marked))))
                marked &= marked - _U1
            at += STRIDE
        p += 64
    # If every n_fields-th delimiter is a line end, and there are no more line ends, then all lines have n_fields fields.
    is_even = n_lines * n_fields < d
    for k in range(n_lines if is_even else 0):
        last = (k + 1) * n_fields
        is_even = is_even & (text[get(ends, last)] == NEWLINE)
        put(breaks, k, np.int32(last))
    if not is_even:
        n_lines = 0
        for at in range(1, d):
            put(breaks, n_lines, np.int32(at))
            n_lines += text[get(ends, at)] == NEWLINE
    return n_lines


@kernel()
def read_plain(
    text: U8Array,
    span: tuple[int, int],
    separator: int,
    n_fields: int,
    wanted: tuple[I64Array, I64Array],
    columns: I64Array,
    values: F64Array,
    rows: tuple[int, int],
    unread: I64Array,
    scratch: tuple[I32Array, I32Array],
) -> tuple[int, int, int, int, int]:
    """Read whole lines until the span ends or the last of `rows` is full.

    `wanted` holds index and kind of the fields to read.
    `scratch` has space for the delimiters and line ends of the text. Other arguments and the result as in
    `fields_numba.read_lines`.
    """
    # Measured: with functions of their own for texts and whole numbers, reading takes 1.5 times as long.
    p, stop = span
    ends, breaks = scratch
    fields, kinds = wanted
    flat, numbers, size = columns.ravel(), values.ravel(), columns.shape[1]
    n, n_lines, n_unread, window = rows[0], 0, 0, WINDOW
    while p < stop and n < rows[1]:
        n_found, head = _delimiters(text, p, min(p + window, stop), separator, n_fields, ends, breaks), 1
        if n_found == 0:
            window *= 2
            continue
        for b in range(n_found):
            if n == rows[1]:
                break
            line, first_end, last = p, head, np.int64(get(breaks, b))
            found = last - head + 1
            p, head = np.int64(get(ends, last)) + 1, last + 1
            if found == 1 and (p - line == 1 or (p - line == 2 and text[line] == RETURN)):
                n_lines += 1
                continue
            if found != n_fields:
                problem = TOO_FEW if found < n_fields else TOO_MANY
                return n - rows[0], n_lines, line, problem, n_unread
            # The last field ends before a carriage return; the next line's first field begins after the line end.
            put(ends, last, np.int32(p - 1 - (text[p - 2] == RETURN)))
            for w in range(fields.size):
                f, kind, at = fields[w], kinds[w], (w + 1) * size + n
                start, end = np.int64(get(ends, first_end + f - 1)) + 1, np.int64(get(ends, first_end + f))
                if kind >= NUMBER:
                    start, end = trimmed(text, start, end)
                    good, value = _decimal(text, start, end)
                    put(numbers, at, value)
                else:
                    length, word = end - start, load(text, start)
                    if kind == TEXT:
                        if length < 8:
                            word &= (_U1 << np.uint64(8 * length)) - _U1
                        good, content = True, np.int64(word)
                        if length > 8 or marks(word, BLANK) != _U0 or word & NOT_ASCII != _U0:
                            start, end = trimmed(text, start, end)
                            content = packed(text, start, end)
                            good = content >= 0
                    else:
                        good, content = False, 0
                        if 0 < length <= 8:
                            good, content = digits_of(word, length)
                        if not good:
                            start, end = trimmed(text, start, end)
                            good, content = integer(text, start, end)
                    put(flat, at, content)
                if not good:
                    n_unread = note_unread(unread, n_unread, n, f, start, end)
            put(ends, last, np.int32(p - 1))
            put(flat, n, np.int64(n_lines))
            n, n_lines = n + 1, n_lines + 1
    return n - rows[0], n_lines, p, 0, n_unread
