"""Any supported file as a Polars source: minsum's column names and types, the rows as filed."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Queue
from threading import Event
from typing import Any, BinaryIO, Final

import polars as pl
from polars.io.plugins import register_io_source

from minsum.flows.archives import unfold
from minsum.flows.columns import SCHEMA, SourceColumns
from minsum.flows.reader import batches
from minsum.formats import Claims, Format, Header, read_header, recognise
from minsum.sources import Source, discover, open_text


@dataclass(slots=True)
class OpenTable:
    """A source whose header has been read.

    Attributes
    ----------
    form, claims
        Its format, and what its name says.
    padded
        Rows so far whose product code got its leading zero back.
    """

    form: Format
    claims: Claims
    _file: BinaryIO
    _header: Header
    _name: str
    padded: int = 0

    def frames(self, wanted: Collection[str] | None = None) -> Iterator[pl.DataFrame]:
        """Its rows, a batch at a time: columns of `columns.SCHEMA` that the file has, and figures.

        Parameters
        ----------
        wanted
            Columns that are needed; None means all.

        Raises
        ------
        SourceError
            If a line cannot be read; the message names it.
        """
        columns = SourceColumns(self.form, self._header, claims=self.claims, name=self._name, wanted=wanted)
        for lines in batches(self._file, columns.fields, self._header, self._name):
            frame = columns.frame(lines)
            self.padded = columns.padded
            yield frame


@contextmanager
def opened(
    source: Source, *, figures: Collection[str] = (), classification: str | None = None
) -> Iterator[OpenTable | None]:
    """Open a source and read its header; None for a file that only accompanies data.

    Parameters
    ----------
    source
        The file.
    figures
        Those of the format's `figures` that are read.
    classification
        HS vintage for a file that does not say.

    Raises
    ------
    SourceError
        If it is no table that minsum reads, or, while it is read, broken.
    """
    with open_text(source) as file:
        header = read_header(file, source.name)
        form = recognise(header, source.name, figures=figures)
        if form is None:
            yield None
            return
        claims = form.claims(source.name)
        if claims.classification is None:
            claims = replace(claims, classification=classification)
        yield OpenTable(form, claims, file, form.settle(header), source.name)


_FIGURES: Final = {"net_weight": pl.Float64, "quantity": pl.Float64, "quantity_unit": pl.String}
SCAN_SCHEMA: Final[dict[str, Any]] = {"source": pl.String} | SCHEMA | _FIGURES
_AHEAD: Final = 2
"""Batches that each thread may be ahead of the query."""


def scan(paths: str | Path | Sequence[str | Path]) -> pl.LazyFrame:
    """Rows of trade files as filed: no rule is applied, nothing is rebuilt.

    Parameters
    ----------
    paths
        Files and folders, any supported format, packed or plain; taken literally.

    Returns
    -------
    Columns of `SCAN_SCHEMA`, null where a file lacks one. `source` is the file's name and `line` where in it the row begins.
    Values are in USD, net weights in kg, five-digit codes of formats that lose zeros have theirs back. Only the columns
    that a query needs are read, and its filters are applied batch by batch. The rows of a file are in order; those of several
    files come as they are read.

    Raises
    ------
    UsageError
        If a path does not exist.
    SourceError
        When the query is run, if a file cannot be read; the message names file and line.
    """
    listed = [paths] if isinstance(paths, str | Path) else list(paths)
    found = discover([Path(path) for path in listed])
    sources = unfold([Source(path, path.stat().st_size, "") for path in found])

    def batches_of(
        columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, _batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        wanted = list(SCAN_SCHEMA) if columns is None else columns
        needed = {*wanted, *(predicate.meta.root_names() if predicate is not None else ())}
        for frame in _frames_of_all(sources, needed):
            chosen = frame if predicate is None else frame.filter(predicate)
            chosen = chosen.select(wanted)
            if n_rows is not None:
                chosen = chosen.head(n_rows)
                n_rows -= len(chosen)
            if len(chosen):
                yield chosen
            if n_rows == 0:
                return

    return register_io_source(batches_of, schema=SCAN_SCHEMA)


def _frames_of_all(sources: Sequence[Source], needed: Collection[str]) -> Iterator[pl.DataFrame]:
    """Frames of all sources, several of which are read at a time."""
    jobs = min(len(os.sched_getaffinity(0)), len(sources))
    queue: Queue[pl.DataFrame | BaseException | None] = Queue(max(_AHEAD * jobs, 1))
    is_over = Event()

    def read(source: Source) -> None:
        try:
            for frame in _frames_of(source, needed):
                if is_over.is_set():
                    return
                queue.put(frame)
            queue.put(None)
        except BaseException as error:
            queue.put(error)

    with ThreadPoolExecutor(max(jobs, 1)) as pool:
        try:
            for source in sources:
                pool.submit(read, source)
            n_left = len(sources)
            while n_left:
                frame = queue.get()
                if isinstance(frame, BaseException):
                    raise frame
                if frame is None:
                    n_left -= 1
                else:
                    yield frame
        finally:
            is_over.set()
            pool.shutdown(wait=False, cancel_futures=True)
            while not queue.empty():
                queue.get_nowait()


def _frames_of(source: Source, needed: Collection[str]) -> Iterator[pl.DataFrame]:
    """Frames of one source with all columns of `SCAN_SCHEMA` that are needed."""
    schema = {name: dtype for name, dtype in SCAN_SCHEMA.items() if name in needed}
    with opened(source, figures=[name for name in _FIGURES if name in needed]) as table:
        if table is None:
            return
        for frame in table.frames(needed):
            added = [
                pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in frame.columns
            ]
            yield frame.with_columns(
                *added, **({"source": pl.lit(source.name)} if "source" in needed else {})
            ).select(pl.col(name).cast(dtype) for name, dtype in schema.items())
