"""Reads one source: the rows, the audit and the footer record of each of its partitions."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from minsum.errors import ContradictionError, SourceError
from minsum.flows.batch_rules import RowRules, kept_schema
from minsum.flows.contradictions import refuse_contradictions
from minsum.flows.lake import SourceRecord
from minsum.flows.pending import KEYS, Partition, Pending, single_partition
from minsum.flows.quantities import bad_quantities, names_of, with_good_quantities
from minsum.flows.rules import DIGITS, FEWER_DIGITS
from minsum.flows.scan import OpenTable, opened
from minsum.settings.flows import Ingest
from minsum.sources.files import Source
from minsum.sources.formats import Format
from minsum.sources.opening import oddities_text
from minsum.workspace.footers import Footer
from minsum.workspace.layout import Layout

log = logging.getLogger("minsum")
Originals = dict[Partition, set[bool | None]]
"""Values of `is_original` in each partition."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """One source after reading.

    Attributes
    ----------
    source, form
        The source and its format.
    pending
        Rows of the source.
    records
        Footer record of the source by partition: identity, publication and audit.
    """

    source: Source
    form: Format
    pending: Pending
    records: dict[Partition, SourceRecord]


def parse(source: Source, options: Ingest, layout: Layout, *, n_sources: int = 1) -> Parsed | None:
    """Read a source to its end; None if it only accompanies data or holds no wanted reporter.

    `n_sources` is the number of sources read at a time (`Pending`). A reporter-year without six-digit products keeps
    products of four digits, or of two: a file with such reporter-years is read again. A file is also read again if
    its codes of other levels do not add up to the products, to count what the products do not contain.

    Raises
    ------
    SourceError
        If the source is rejected.
    """
    parsed = _read(source, options, layout, digits=_MOST_DIGITS, n_sources=n_sources)
    if parsed is None:
        return None
    pending, is_mirrored = parsed.pending, parsed.form.mirrors_imports

    def again(digits: int, only: frozenset[Partition]) -> Pending | None:
        read = _read(source, options, layout, digits=digits, n_sources=n_sources, only=only) if only else None
        return None if read is None else read.pending

    for digits in () if is_mirrored else FEWER_DIGITS:
        coarse = pending.without_products(digits)
        if other := again(digits, coarse):
            pending.replace_with(other, coarse)
            for one in coarse:
                parsed.records[one] |= _audit_json(pending, one)
    for digits in (one for one in DIGITS if one != _MOST_DIGITS):
        doubted = pending.with_other_levels(digits, is_complete=parsed.form.is_complete)
        if other := again(digits, doubted):
            pending.hold_other_levels(other, doubted, flows=("X",) if is_mirrored else options.flows)
    return parsed


_MOST_DIGITS: Final = 6


def _read(
    source: Source,
    options: Ingest,
    layout: Layout,
    *,
    digits: int,
    n_sources: int,
    only: frozenset[Partition] = frozenset(),
) -> Parsed | None:
    """Read a source and keep products of `digits` digits; with `only`, rows of these reporter-years alone."""
    wanted = options.reporter_codes()
    scratch = layout.scratch / f"pending-{source.sha256}-{digits}"
    pending = Pending(
        scratch,
        source.name,
        schema=kept_schema(options.columns),
        wanted=wanted,
        only=only,
        n_sources=n_sources,
    )
    with opened(source, quantities=names_of(options.columns), classification=options.classification) as table:
        if table is None:
            return None
        reporter_code = table.claims.reporter_code
        if wanted and reporter_code is not None and reporter_code not in wanted:
            return None
        originals, n_bad = _apply_rules(table, options, pending, source.name, digits=digits)
    if not pending.rows_in:
        raise SourceError(f"{source.name}: a header line and no rows", "download it again")
    if not pending.partitions:
        return None
    if not table.form.is_complete and table.lacking:
        _refuse_lost_parts(pending, table.lacking, source.name)
    record = _record(source, table, options, pending) | n_bad
    records = {
        one: record | {"is_original": _only(originals.get(one, {None}))} | _audit_json(pending, one)
        for one in pending.partitions
    }
    return Parsed(source, table.form, pending, records)


def _apply_rules(
    table: OpenTable, options: Ingest, pending: Pending, name: str, *, digits: int
) -> tuple[Originals, dict[str, int]]:
    """Read all batches into `pending`; return what `_note_originals` found and the number of bad quantities."""
    originals: Originals = {}
    n_bad = dict.fromkeys((f"bad_{column}" for column in sorted(set(options.columns))), 0)
    rules = None
    for frame in table.frames():
        rules = rules or RowRules(table.form, options, frame.columns, name, digits=digits)
        single = single_partition(frame)
        refuse_contradictions(frame, single, table.form, table.claims, name)
        if options.columns:
            n_bad = {key: n + n_bad[key] for key, n in bad_quantities(frame, options.columns).items()}
            frame = with_good_quantities(frame, options.columns)
        rules.apply(frame, single, pending)
        if "is_original" in frame.columns:
            _note_originals(frame, single, originals)
        del frame  # the next batch reuses its memory
    return originals, n_bad


def _record(source: Source, table: OpenTable, options: Ingest, pending: Pending) -> SourceRecord:
    """Part of the footer record that is equal for all partitions of a source."""
    form, claims = table.form, table.claims
    oddities = {name: n for name, n in sorted(table.oddities.items()) if n}
    if oddities:
        log.info("flows: %s: %s", source.name, oddities_text(oddities), extra={"source": source.name})
    record: SourceRecord = {
        "name": source.name, "size": source.size, "sha256": source.sha256, "format": form.name,
        "publisher": form.publisher, "published": claims.published, "is_complete": form.is_complete,
        "partitions": len(pending.partitions), "source_rows": pending.rows_in, "mended": table.repaired_texts,
        **({"oddities": oddities} if oddities else {}), **claims.identity,
    }  # fmt: skip
    if not form.is_complete or claims.published is None:
        record["folder"] = source.folder
    if table.assumed is not None:
        record["assumed"] = table.assumed
    if options.reporters and claims.reporter_code is None:
        record["reporters"] = sorted(options.reporters)
    return record


_TOTAL_TOLERANCE: Final = 1e-4
"""Relative difference allowed between a total and the sum of its parts."""


def _refuse_lost_parts(pending: Pending, lacking: Collection[str], name: str) -> None:
    """Refuse a file that lacks the columns which tell parts from totals, if its rows may be parts of totals.

    Rows with equal keys and several values are such parts, unless the largest value is always the sum of the others.
    """
    cell = ("flow", "partner_code", "product_code")
    for partition in pending.partitions:
        value = pl.col("value_usd")
        ratio = value.sum() / value.max()
        rows = pl.concat(pending.peek(partition, "kept")).lazy().group_by(cell)
        repeated = rows.agg(n=value.n_unique(), ratio=ratio).filter(
            pl.col("n") > 1,
            ((pl.col("ratio") - pl.col("ratio").round()).abs() > _TOTAL_TOLERANCE) | (pl.col("ratio") < 1.5),
        )
        if found := repeated.sort(cell).head(1).collect().rows():
            flow, partner, product, n, _ = found[0]
            raise ContradictionError(
                f"{name}: {n} different values of reporter {partition.reporter_code}, {partition.year}, flow {flow}, "
                f"partner {partner}, product {product}, and no column {', '.join(lacking)}: these rows may be parts of a total, or months",
                "download it with these columns, or with totals only; if two downloads were joined, put each in its own file",
            )


def _note_originals(frame: pl.DataFrame, single: Partition | None, found: Originals) -> None:
    """Record for each partition whether its rows are in the classification that the reporter filed."""
    if single is not None:
        column = frame["is_original"]
        is_there = {True: column.any(), False: not column.all(), None: column.null_count() > 0}
        found.setdefault(single, set()).update(value for value, there in is_there.items() if there)
        return
    for *key, is_original in frame.select(*KEYS, "is_original").unique().rows():
        found.setdefault(Partition(*key), set()).add(is_original)


def _only(values: Collection[bool | None]) -> bool | None:
    """The common value of all rows; None where rows differ or have no value."""
    return next(iter(values)) if len(values) == 1 else None


def _audit_json(pending: Pending, partition: Partition) -> Footer:
    audit = pending.audits.get(partition)
    rules: dict[str, Any] = audit.rules() if audit else {}
    return {
        "rows_in": sum(int(one["rows"]) for one in rules.values()),
        "rows_kept": int(rules.get("kept", {"rows": 0})["rows"]),
        "rules": rules,
        "levels": audit.levels() if audit else {},
    }
