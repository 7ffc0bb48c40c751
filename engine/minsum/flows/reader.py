"""Text of one source, a batch of rows at a time.

Blocks of text keep memory flat whatever the file's size, and let one decompressor (which verifies length and
checksum) serve gzip, zip and plain files alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

import numpy as np

from minsum.errors import BrokenSourceError
from minsum.formats import MAX_LINE_BYTES, Header
from minsum_kernels.errors import FieldError
from minsum_kernels.fields import NEWLINE, PADDING, FieldReader, Lines, find_byte, last_byte
from minsum_kernels.memory import recycled

BLOCK_BYTES: Final = 4 << 20
"""Decompressed at a time. Smaller blocks stay in the caches and cost more calls: with 0.5, 1, 2 and 4 MiB ingest took
5.0, 4.9, 4.8 and 4.75 s on the same files."""

MAX_BLANK_LINES: Final = 1_000_000
"""Blank lines without a row among them that are taken for a decompression bomb."""


def batches(file: BinaryIO, fields: FieldReader, header: Header, name: str) -> Iterator[Lines]:
    """The rest of the file, line by line.

    Raises
    ------
    BrokenSourceError
        If a line has other fields than the header says; the message names line, column and problem.
    """
    text = recycled(BLOCK_BYTES + MAX_LINE_BYTES + PADDING + 1, np.uint8)
    window = text.data
    held, line = len(header.ahead), 2
    window[:held] = header.ahead
    unseen = n_blank = 0
    while True:
        n_read = file.readinto(window[held : held + BLOCK_BYTES])  # type: ignore[attr-defined]
        end = held + n_read
        if find_byte(text, unseen, end, 0) >= 0:
            raise BrokenSourceError(
                f"{name}, after line {line}: a zero byte, which no text holds",
                "the file is damaged, binary or UTF-16; download it again or save it as UTF-8",
            )
        if not n_read and held:
            # The last line may lack its end.
            window[end] = NEWLINE
            end += 1
        stop, start = last_byte(text, unseen, end, NEWLINE) + 1, 0
        while start < stop:
            before = fields.n_rows
            try:
                reached, after = fields.read(text, start, stop, line=line)
            except FieldError as error:
                if fields.n_rows:
                    yield fields.take()
                raise _explained(error, header, name) from error
            if reached == start:
                break
            n_blank = n_blank + after - line if fields.n_rows == before else 0
            if n_blank > MAX_BLANK_LINES:
                raise BrokenSourceError(
                    f"{name}, to line {after}: {n_blank:,} blank lines", "this is not a table minsum can read"
                )
            if fields.is_full:
                yield fields.take()
            start, line = reached, after
        held = unseen = end - start
        if not n_read and not held:
            break
        if held > MAX_LINE_BYTES or not n_read:
            raise BrokenSourceError(
                f"{name}, line {line}: a line of more than {MAX_LINE_BYTES:,} bytes, or a quote that never closes",
                "this is not a table minsum can read; download it again",
            )
        text[:held] = text[start:end].copy()
    if fields.n_rows:
        yield fields.take()


def _explained(error: FieldError, header: Header, name: str) -> BrokenSourceError:
    column = "" if error.field is None else f", column {header.names[error.field]}"
    return BrokenSourceError(
        f"{name}, line {error.line}{column}: {error.problem}; the header has {len(header.names)} fields",
        "the file is cut or damaged there; download it again",
    )
