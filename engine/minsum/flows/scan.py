"""Reads any supported file as a Polars source: minsum's column names and types, rows as filed."""

from __future__ import annotations

import atexit
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from queue import Empty, Queue
from threading import Event, Thread, current_thread
from typing import Any, BinaryIO, Final

import polars as pl
from polars.io.plugins import register_io_source

from minsum.errors import BrokenSourceError
from minsum.flows.columns import SCHEMA, SourceColumns
from minsum.flows.grouping import refuse_grouped
from minsum.flows.reader import batches
from minsum.sources.archives import unfold
from minsum.sources.files import Source, discover
from minsum.sources.formats import Claims, Format, Header, folded_name, recognise
from minsum.sources.formats.base import ColumnName
from minsum.sources.opening import open_table
from minsum.workspace.copies import input_at

_PARTS: Final[tuple[ColumnName, ...]] = ("partner2_code", "customs_code", "mot_code")


@dataclass(slots=True)
class OpenTable:
    """A source after reading its header.

    Attributes
    ----------
    form, claims
        Format of the file, and claims of its name.
    repaired_texts
        As `SourceColumns.repaired_texts`, for the rows so far.
    oddities
        Number of unusual lines and fields so far, by their names in `opening`.
    assumed
        HS vintage given for a file that does not state it; None if it does.
    """

    form: Format
    claims: Claims
    _file: BinaryIO
    _header: Header
    _source: Source
    repaired_texts: dict[str, dict[str, float]] = field(default_factory=dict)
    oddities: Counter[str] = field(default_factory=Counter)
    assumed: str | None = None

    @property
    def lacking(self) -> list[str]:
        """Names of absent columns that would tell rows with equal keys apart.

        These are component columns, except `mosCode` (services), and the period where the file only has a year.
        """
        columns, present = self.form.columns, self.form.present(self._header)
        parts = [columns[one].source for one in _PARTS if one in columns and one not in present]
        year = columns["year"].source
        return parts if folded_name(present["year"]) == folded_name(year) else [*parts, year]

    def frames(self, wanted: Collection[str] | None = None) -> Iterator[pl.DataFrame]:
        """Rows in batches: columns of `columns.SCHEMA` that the file has, and quantities.

        Parameters
        ----------
        wanted
            Columns to read; None means all.

        Raises
        ------
        SourceError
            If a line cannot be read; the message names it.
        """
        columns = SourceColumns(
            self.form, self._header, claims=self.claims, source=self._source, wanted=wanted
        )
        fields = columns.fields
        for lines in batches(self._file, fields, self._header, self._source.name, self.oddities):
            frame = columns.frame(lines)
            self.repaired_texts = columns.repaired_texts
            self.oddities["empty_lines"] += len(lines.line) - len(frame)
            self.oddities |= {
                "empty_words": fields.n_missing, "whole_numbers": fields.n_decimal_integers, "short_numbers": fields.n_exponents,
            }  # fmt: skip
            del lines  # the next batch reuses their memory after the frame is used
            if len(frame):
                yield frame
            del frame
        if columns.may_be_grouped:
            column = self.form.present(self._header)["value"]
            refuse_grouped(self._source, self._header, column, is_quoted=self.form.is_quoted)


@contextmanager
def opened(
    source: Source, *, quantities: Collection[str] = (), classification: str | None = None
) -> Iterator[OpenTable | None]:
    """Open a source and read its header; None for a file that only accompanies data.

    Parameters
    ----------
    source
        The file, or the file inside a zip.
    quantities
        Quantities to read, of those of the format.
    classification
        HS vintage for a file that does not state it.

    Raises
    ------
    SourceError
        If minsum cannot read the file as a table, or finds it damaged while reading.
    """
    with open_table(source, is_proven=True) as (file, header):
        form = recognise(header, source.name, quantities=quantities)
        if form is None:
            yield None
            return
        claims = form.claims(source.name)
        if claims == Claims():
            claims = form.claims(header.file_name)
        assumed = None
        if claims.classification is None and "classification" not in form.present(header):
            assumed = classification
            claims = replace(claims, classification=classification)
        form = replace(form, is_quoted=form.is_quoted or header.is_quoted)
        oddities = Counter({header.was: 1} if header.was else {})
        yield OpenTable(form, claims, file, header.settled(), source, oddities=oddities, assumed=assumed)


_QUANTITIES: Final = {"net_weight": pl.Float64, "quantity": pl.Float64, "quantity_unit": pl.String}
_PUBLIC: Final = {pl.Categorical: pl.String, pl.Int64: pl.Int32}
"""Public type for each internal type."""

SCAN_SCHEMA: Final[dict[str, Any]] = {
    "source": pl.String, "line": pl.Int64,
    **{name: _PUBLIC.get(dtype, dtype) for name, dtype in SCHEMA.items() if name != "line"},
    **_QUANTITIES,
}  # fmt: skip
_AHEAD: Final = 2
"""Batches that each thread may read ahead of the query."""

_running: dict[Thread, Callable[[], None]] = {}
"""Reading threads, each with the function that stops it."""


def scan(paths: str | Path | Sequence[str | Path]) -> pl.LazyFrame:
    """Rows of trade files as filed, for queries with Polars: no row rule is applied, nothing is rebuilt.

    Only the columns that a query needs are read, and its filters are applied batch by batch, so files larger than
    memory can be queried. Rows of one file come in file order. Several files are read at a time, and their rows come
    as they are read.

    Parameters
    ----------
    paths
        Files and folders in any supported format, packed or plain, also at URLs. Names are literal: `[ ]` and `*` are no patterns.

    Returns
    -------
    A lazy frame of `source` (the file's name), `line` (where in the file the row begins), `reporter_code`, `year`,
    `classification`, `flow`, `partner_code` (0 = World, null for a group of countries), `partner2_code`, `product_code`,
    `level` (digits of the product code; 0 for TOTAL, null if it is no HS code), `customs_code`, `mos_code`, `mot_code`,
    `value_usd`, `net_weight` (kg), `quantity` and `quantity_unit`. Columns that a file lacks are null. Values are in USD
    whatever the unit of the file. Texts are repaired as by `ingest` (docs/data-rules.md); a text without a meaning stays.

    Raises
    ------
    UsageError
        If a path does not exist.
    SourceError
        When the query is run, if a file cannot be read as trade data; the message names file and line. Unlike
        `Workspace.ingest`, which rejects the file and goes on, a query fails as a whole.
    """
    listed = [paths] if isinstance(paths, str | Path) else list(paths)
    found = discover([input_at(path) for path in listed])
    sources = unfold([Source(path, path.stat().st_size, "") for path in found])

    def batches_of(
        columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, _batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        names = list(SCAN_SCHEMA) if columns is None else columns
        if n_rows is None:
            yield from _side_by_side([partial(_frames_of, one, names, predicate) for one in sources])
            return
        # Polars means the first n rows before the predicate.
        looked_at = () if predicate is None else predicate.meta.root_names()
        needed = [*names, *(name for name in looked_at if name not in names)]
        for frame in _side_by_side([partial(_frames_of, one, needed, None) for one in sources]):
            first = frame.head(n_rows)
            n_rows -= len(first)
            yield (first if predicate is None else first.filter(predicate)).select(names)
            if not n_rows:
                return

    return register_io_source(batches_of, schema=SCAN_SCHEMA)


def _frames_of(source: Source, columns: list[str], predicate: pl.Expr | None) -> Iterator[pl.DataFrame]:
    """Batches of one source with these columns and the rows that match the predicate, as in `SCAN_SCHEMA`."""
    looked_at = () if predicate is None else predicate.meta.root_names()
    needed = {*columns, *looked_at}
    with opened(source, quantities=[name for name in _QUANTITIES if name in needed]) as table:
        for frame in () if table is None else table.frames(needed):
            chosen = (
                frame if predicate is None else _as_public(frame, looked_at, source.name).filter(predicate)
            )
            if len(chosen):
                yield _as_public(chosen, columns, source.name).select(columns)


def _as_public(frame: pl.DataFrame, names: Collection[str], source: str) -> pl.DataFrame:
    """The frame with these columns in the types of `SCAN_SCHEMA`; absent columns are null.

    Raises
    ------
    BrokenSourceError
        If a number is too large for its type.
    """
    made = {name: pl.col(name) if name in frame.columns else pl.lit(None) for name in names}
    if "source" in made:
        made["source"] = pl.lit(source)
    if "partner_code" in made and "partner_is_group" in frame.columns:
        made["partner_code"] = pl.when(~pl.col("partner_is_group")).then("partner_code")
    casts = {name: made[name].cast(SCAN_SCHEMA[name]) for name in names}
    try:
        return frame.with_columns(**casts)
    except pl.exceptions.InvalidOperationError:
        for name in names:
            fits = made[name].is_null() | made[name].cast(SCAN_SCHEMA[name], strict=False).is_not_null()
            unfit = frame.filter(~fits)
            if len(unfit):
                raise BrokenSourceError(
                    f"{source}, line {unfit['line'][0]}: {unfit[name][0]} is too large for a {name}",
                    "the file is damaged; download it again",
                ) from None
        raise


def _side_by_side(readers: Sequence[Callable[[], Iterator[pl.DataFrame]]]) -> Iterator[pl.DataFrame]:
    """Frames of all readers as they come; several readers run at a time."""
    jobs = min(len(os.sched_getaffinity(0)), len(readers))
    queue: Queue[pl.DataFrame | BaseException | None] = Queue(max(_AHEAD * jobs, 1))
    is_over, todo = Event(), iter(readers)

    def work() -> None:
        try:
            for frames in todo:
                for frame in () if is_over.is_set() else frames():
                    queue.put(frame)
                    if is_over.is_set():
                        return
            queue.put(None)
        except BaseException as error:
            queue.put(error)
        finally:
            del _running[current_thread()]

    def end() -> None:
        # Emptying the queue frees every waiting thread: each puts one frame, which fits, and then sees `is_over`.
        is_over.set()
        with suppress(Empty):
            while True:
                queue.get_nowait()

    try:
        for _ in range(jobs):
            thread = Thread(target=work, name="minsum-scan", daemon=True)
            _running[thread] = end
            thread.start()
        n_left = jobs
        while n_left:
            frame = queue.get()
            if isinstance(frame, BaseException):
                raise frame
            if frame is None:
                n_left -= 1
            else:
                yield frame
    finally:
        # Polars may drop a query late and in any thread, even a reading one, so this does not wait for the threads.
        end()


@atexit.register
def _end_all() -> None:
    """Stop all reading threads at exit: a thread cut off in compiled code would crash the process."""
    for thread, end in list(_running.items()):
        end()
        thread.join()
