"""One table of a release in every format, from batches: Parquet and CSV in a stream, Stata in memory, within limits."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from minsum.errors import DataCheckError
from minsum.export.options import Format
from minsum.export.stata import StataFiles
from minsum.export.tables import Released

_ROW_GROUP: Final = 131_072
_ROWS_OF_TEXT: Final = 65_536
_LEVEL: Final = 6


@dataclass(frozen=True, slots=True)
class File:
    """One file of a release.

    Attributes
    ----------
    path
        Relative to the release.
    format
        What it is.
    size, sha256
        Of its bytes.
    """

    path: str
    format: Format
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Written:
    """A table as it lies in a release.

    Attributes
    ----------
    table
        What it is.
    rows
        How many.
    years, n_reporters
        First and last year, None where the table has none; and how many countries report.
    files
        In the order of formats.
    """

    table: Released
    rows: int
    years: tuple[int, int] | None
    n_reporters: int
    files: tuple[File, ...]


class _Writer(Protocol):
    def add(self, label: str, rows: pl.DataFrame) -> None: ...
    def close(self) -> list[Path]: ...


def write_table(table: Released, root: Path, formats: Sequence[Format]) -> Written:
    """Write a table into `data/` of a release.

    Raises
    ------
    DataCheckError
        If a key stands twice: the table is not what the dictionary says.
    """
    folder = root / "data"
    folder.mkdir(exist_ok=True)
    n_rows, years, reporters = 0, set[int](), set[str]()
    with ExitStack() as stack:
        writers = {one: _open(one, folder, table, stack) for one in formats}
        for label, rows in table.batches():
            if rows.select(pl.struct(table.key).is_duplicated().any()).item():
                raise DataCheckError(f"table {table.name} {label}: two rows of one {', '.join(table.key)}")
            for writer in writers.values():
                writer.add(label, rows)
            n_rows += len(rows)
            if "year" in rows.columns:
                years.update(rows["year"].unique())
            if "reporter" in rows.columns:
                reporters.update(rows["reporter"].cast(pl.String).unique())
        files = [(one, path) for one, writer in writers.items() for path in writer.close()]
    listed = tuple(_file(path, root, one) for one, path in files)
    return Written(table, n_rows, (min(years), max(years)) if years else None, len(reporters), listed)


def _open(form: Format, folder: Path, table: Released, stack: ExitStack) -> _Writer:
    if form == "parquet":
        return _Parquet(folder / f"{table.name}.parquet", table, stack)
    if form == "csv":
        return _Csv(stack.enter_context(_gzipped(folder / f"{table.name}.csv.gz")), folder, table)
    return StataFiles(folder, table.name, title=table.title, columns=table.columns)


def _file(path: Path, root: Path, form: Format) -> File:
    with path.open("rb") as file:
        sha256 = file_digest(file, "sha256").hexdigest()
    return File(path.relative_to(root).as_posix(), form, path.stat().st_size, sha256)


class _Parquet:
    def __init__(self, path: Path, table: Released, stack: ExitStack) -> None:
        self._path, self._about = path, {one.name: one.about for one in table.columns}
        self._stack = stack
        self._writer: Any = None

    def add(self, _label: str, rows: pl.DataFrame) -> None:
        texts = [name for name, dtype in rows.schema.items() if dtype in (pl.Enum, pl.Categorical)]
        plain: pa.Table = rows.cast(dict.fromkeys(texts, pl.String)).to_arrow(
            compat_level=pl.CompatLevel.oldest()
        )
        if self._writer is None:
            self._writer = self._stack.enter_context(
                pq.ParquetWriter(self._path, plain.schema, store_schema=False, compression="zstd")
            )
        self._writer.write_table(plain.cast(self._writer.schema), row_group_size=_ROW_GROUP)

    def close(self) -> list[Path]:
        self._writer.close()
        return [self._path]


class _Csv:
    def __init__(self, file: BinaryIO, folder: Path, table: Released) -> None:
        self._file, self._path = file, folder / f"{table.name}.csv.gz"
        self._is_first = True

    def add(self, _label: str, rows: pl.DataFrame) -> None:
        self._file.write(rows.head(0).write_csv().encode() if self._is_first else b"")
        self._is_first = False
        for part in rows.iter_slices(_ROWS_OF_TEXT):
            self._file.write(part.write_csv(include_header=False).encode())

    def close(self) -> list[Path]:
        self._file.close()
        return [self._path]


@contextmanager
def _gzipped(path: Path) -> Iterator[BinaryIO]:
    """Without name and time in its header: the same rows give the same bytes."""
    with path.open("wb") as raw, gzip.GzipFile("", "wb", _LEVEL, raw, mtime=0) as file:
        yield file  # type: ignore[misc]
