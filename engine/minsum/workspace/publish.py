"""Publishes files: writes them to a scratch folder, makes them durable and renames them into place, or puts them into a store.

A reader sees the old file or the new file, never a part of one.
"""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from minsum.errors import DataCheckError
from minsum.workspace.checksums import ENTRY, MADE_ANEW, UNSEALED, damage_of, metadata_start, seal
from minsum.workspace.copies import bring, copy_of, shown
from minsum.workspace.footers import FOOTER_KEY, Footer, canonical_json
from minsum.workspace.layout import Layout

ROW_GROUP_ROWS: Final = 16_384
"""Rows of a row group; World rows of exports and imports may have smaller ones (`flows.lake.as_parts`). Measured on
7.4 M rows: 1.2 s and 39 MB, against 2.3 s and 49 MB with 8,192."""

_FEW: Final = 256
"""Dictionaries with more texts than this are compressed."""


def publish_table(table: pa.Table, target: Path, *, footer: Footer, layout: Layout) -> None:
    """Write a table as Parquet and rename it into place.

    Parameters
    ----------
    table
        Rows in their final order.
    target
        Final path; an existing file is replaced.
    footer
        JSON object stored under the key `minsum`.
    layout
        Workspace whose scratch folder holds the file until it is complete and on disk.
    """
    publish_parts([table], target, footer=footer, layout=layout)


def publish_parts(parts: Iterable[pa.Table], target: Path, *, footer: Footer, layout: Layout) -> int:
    """Publish a table given in parts of one schema (at least one part); return the number of rows.

    As `publish_table`, but only one part is in memory at a time, and no row group holds rows of two parts.
    """
    remaining = iter(parts)
    first = next(remaining)
    n_rows = 0
    # The Arrow schema is left out so that dictionary-encoded columns read back as plain text.
    # Floats hardly repeat: split by byte they take 15 % less space and a third less time than
    # in a dictionary.
    floats = [field.name for field in first.schema if pa.types.is_floating(field.type)]
    packed = [name for name in first.schema.names if _is_worth_packing(first[name])]
    with (
        staged(target, layout) as temporary,
        pq.ParquetWriter(
            temporary, first.schema, store_schema=False,
            compression={name: "zstd" if name in packed else "none" for name in first.schema.names},
            compression_level=dict.fromkeys(packed, 1),
            use_dictionary=[name for name in first.schema.names if name not in floats],
            column_encoding=dict.fromkeys(floats, "BYTE_STREAM_SPLIT"),
            write_batch_size=ROW_GROUP_ROWS,  # statistics of dictionaries are computed once per batch
        ) as writer,
    ):  # fmt: skip
        for part in chain([first], remaining):
            if part.num_rows:
                writer.write_table(part, row_group_size=ROW_GROUP_ROWS)
                n_rows += part.num_rows
        writer.add_key_value_metadata({FOOTER_KEY: canonical_json(footer | {ENTRY: UNSEALED})})
        writer.close()
        seal(temporary)
    return n_rows


def publish_footer(target: Path, *, footer: Footer, layout: Layout) -> None:
    """Give a published Parquet file another footer. The bytes of its rows are copied, not read and written anew.

    The file has the bytes that `publish_parts` gives it with the same rows and this footer.

    Raises
    ------
    DataCheckError
        If the file is damaged.
    """
    bring([target])
    content = target.read_bytes()
    if (wrong := damage_of(content)) is not None:
        raise DataCheckError(f"{target}: {wrong}", MADE_ANEW)
    rows, metadata = content[: (start := metadata_start(content))], content[start:-8]
    old = pq.read_metadata(pa.BufferReader(content)).metadata[FOOTER_KEY]
    before, after = metadata.split(_thrift_text(old))
    metadata = before + _thrift_text(canonical_json(footer | {ENTRY: UNSEALED})) + after
    with staged(target, layout) as temporary:
        temporary.write_bytes(rows + metadata + len(metadata).to_bytes(4, "little") + content[-4:])
        seal(temporary)


def _thrift_text(text: bytes) -> bytes:
    """A text as Parquet's metadata hold it (Thrift's compact protocol): its length, 7 bits a byte, lowest first."""
    length, n = bytearray(), len(text)
    while n > 0x7F:
        length.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes([*length, n]) + text


def _is_worth_packing(column: pa.ChunkedArray) -> bool:
    """Whether to compress a column. Truth values, numbers in few bytes and texts of a few kinds are small already.

    Setting up the compressor for each of their pages took an eighth of the time of writing flows.
    """
    if pa.types.is_dictionary(column.type):
        return len(column.chunk(0).dictionary) > _FEW if column.num_chunks else True
    return not (pa.types.is_integer(column.type) or pa.types.is_boolean(column.type))


def publish_text(text: str, target: Path, *, layout: Layout) -> None:
    """Write a UTF-8 text file and rename it into place."""
    with staged(target, layout) as temporary:
        temporary.write_text(shown(text), encoding="utf-8")


@contextmanager
def staged(target: Path, layout: Layout) -> Iterator[Path]:
    """A scratch path that is published as `target` when the block ends without an error."""
    layout.scratch.mkdir(parents=True, exist_ok=True)
    temporary = layout.scratch / uuid.uuid4().hex
    try:
        yield temporary
        layout.refuse_outlived()
        publish_file(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def publish_file(file: Path, target: Path) -> None:
    """Make a complete file durable and rename it into place, also across file systems; or put it into the store."""
    if (copy := copy_of(target)) is not None:
        copy.publish(file, target)
        return
    sync(file)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        file.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = target.with_name(f".{target.name}.part")  # overwrites what a killed run left
        shutil.copyfile(file, beside)
        sync(beside)
        beside.replace(target)
        file.unlink()
    sync(target.parent)


def remove(path: Path) -> None:
    """Remove a published file; nothing if it is not there."""
    if path.exists() and (copy := copy_of(path)) is not None:
        copy.remove(path)
    path.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Make a file or folder durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
