"""One source to the rows and the audit of each of its partitions."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from minsum.errors import ContradictionError, SourceError
from minsum.flows.contradictions import refuse_contradictions
from minsum.flows.lake import SourceRecord
from minsum.flows.pending import KEYS, Partition, Pending, lone_partition
from minsum.flows.quantities import bad_figures, dtypes_of, names_of, with_good_figures
from minsum.flows.rules import (
    COMPONENT_COLUMNS,
    COMPONENT_RULES,
    KEPT,
    OF_LEVEL,
    RULES,
    applicable,
    first_rule,
    part_rule,
    refuse_partners,
    row_rules,
)
from minsum.flows.scan import opened
from minsum.settings.flows import Ingest
from minsum.sources.files import Source
from minsum.sources.formats import Format
from minsum.sources.opening import in_words
from minsum.workspace.footers import Footer
from minsum.workspace.layout import Layout
from minsum_kernels.memory import recycled

log = logging.getLogger("minsum")


@dataclass(frozen=True, slots=True)
class Parsed:
    """One source, read.

    Attributes
    ----------
    source, form
        What it is.
    pending
        Its rows.
    records
        By partition, what the footer says of it: identity, publication and audit.
    """

    source: Source
    form: Format
    pending: Pending
    records: dict[Partition, SourceRecord]


def parse(source: Source, options: Ingest, layout: Layout, *, n_beside: int = 1) -> Parsed | None:
    """Read a source to its end, beside others (`Pending`); None when it only accompanies data or holds no reporter that is wanted.

    A reporter-year without products of six digits keeps those of four, or of two: for these, files that hold any are read
    again; and so are those whose codes of other levels do not add up to the products, for what these do not hold.

    Raises
    ------
    SourceError
        If it is rejected.
    """
    parsed = _read(source, options, layout, digits=_MOST_DIGITS, n_beside=n_beside)
    if parsed is None:
        return None
    pending, is_mirrored = parsed.pending, parsed.form.mirrors_imports

    def again(digits: int, only: frozenset[Partition]) -> Pending | None:
        read = _read(source, options, layout, digits=digits, n_beside=n_beside, only=only) if only else None
        return None if read is None else read.pending

    for digits in () if is_mirrored else _FEWER_DIGITS:
        coarse = pending.without_products(digits)
        if other := again(digits, coarse):
            pending.adopt(other, coarse)
            for one in coarse:
                parsed.records[one] |= _audit_json(pending, one)
    for digits in _OTHER_DIGITS:
        doubted = pending.with_others(digits, is_complete=parsed.form.is_complete)
        if other := again(digits, doubted):
            pending.hold_others(other, doubted, flows=("X",) if is_mirrored else options.flows)
    return parsed


_MOST_DIGITS: Final = 6
_FEWER_DIGITS: Final = (4, 2)
_OTHER_DIGITS: Final = (10, 8, 4, 2)


def _read(
    source: Source,
    options: Ingest,
    layout: Layout,
    *,
    digits: int,
    n_beside: int,
    only: frozenset[Partition] = frozenset(),
) -> Parsed | None:
    """Read a source, keeping products of so many digits; with `only`, of these reporter-years."""
    wanted = options.reporter_codes()
    scratch = layout.scratch / f"pending-{source.sha256}-{digits}"
    pending = Pending(
        scratch, source.name, schema=_schema(options.columns), wanted=wanted, only=only, n_beside=n_beside
    )
    originals: dict[Partition, set[bool | None]] = {}
    bad: dict[str, int] = dict.fromkeys((f"bad_{name}" for name in sorted(set(options.columns))), 0)
    with opened(source, figures=names_of(options.columns), classification=options.classification) as table:
        if table is None:
            return None
        form, claims = table.form, table.claims
        if wanted and claims.reporter_code is not None and claims.reporter_code not in wanted:
            return None
        judge = None
        for frame in table.frames():
            judge = judge or Judge(form, options, frame.columns, source.name, digits=digits)
            lone = lone_partition(frame)
            refuse_contradictions(frame, lone, form, claims, source.name)
            if options.columns:
                bad = {name: n + bad[name] for name, n in bad_figures(frame, options.columns).items()}
                frame = with_good_figures(frame, options.columns)
            judge.judge(frame, lone, pending)
            if "is_original" in frame.columns:
                _note_originals(frame, lone, originals)
            del frame  # the next batch takes its memory
    if not pending.rows_in:
        raise SourceError(f"{source.name}: a header line and no rows", "download it again")
    if not pending.partitions:
        return None
    if not form.is_complete and table.lacking:
        _refuse_lost_parts(pending, table.lacking, source.name)
    oddities = {name: n for name, n in sorted(table.oddities.items()) if n}
    if oddities:
        log.info("flows: %s: %s", source.name, in_words(oddities), extra={"source": source.name})
    base: SourceRecord = {
        "name": source.name, "size": source.size, "sha256": source.sha256, "format": form.name,
        "publisher": form.publisher, "published": claims.published, "is_complete": form.is_complete,
        "partitions": len(pending.partitions), "source_rows": pending.rows_in, **({"oddities": oddities} if oddities else {}),
        "mended": table.mended, **bad, **claims.identity,
    }  # fmt: skip
    if not form.is_complete or claims.published is None:
        base["folder"] = source.folder
    if table.assumed is not None:
        base["assumed"] = table.assumed
    if options.reporters and claims.reporter_code is None:
        base["reporters"] = sorted(options.reporters)
    return Parsed(
        source,
        form,
        pending,
        {
            one: base | {"is_original": _only(originals.get(one, {None}))} | _audit_json(pending, one)
            for one in pending.partitions
        },
    )


_TOTAL_TOLERANCE: Final = 1e-4
"""By which the sum of a total's parts may differ from it."""


def _refuse_lost_parts(pending: Pending, lacking: Collection[str], name: str) -> None:
    """Raise if rows may be parts of totals of which nothing says so, because the file lacks columns.

    Rows with one key and several values are such parts, unless the largest is always the sum of the others.
    """
    cell = ("flow", "partner_code", "product_code")
    for partition in pending.partitions:
        value = pl.col("value_usd")
        ratio = value.sum() / value.max()
        rows = pl.concat(pending.look(partition, "kept")).lazy().group_by(cell)
        repeated = rows.agg(n=value.n_unique(), ratio=ratio).filter(
            pl.col("n") > 1,
            ((pl.col("ratio") - pl.col("ratio").round()).abs() > _TOTAL_TOLERANCE) | (pl.col("ratio") < 1.5),
        )
        if found := repeated.sort(cell).head(1).collect().rows():
            flow, partner, product, n, _ = found[0]
            raise ContradictionError(
                f"{name}: {n} different values of reporter {partition.reporter_code}, {partition.year}, flow {flow}, "
                f"partner {partner}, product {product}, and no column {', '.join(lacking)}: they may be parts of a total, or months",
                "download it with these columns, or with their totals only; if two downloads were joined, give each its own file",
            )


def _note_originals(
    frame: pl.DataFrame, lone: Partition | None, found: dict[Partition, set[bool | None]]
) -> None:
    """Note whether the rows of each partition are in the classification that the reporter filed."""
    if lone is not None:
        column = frame["is_original"]
        is_there = {True: column.any(), False: not column.all(), None: column.null_count() > 0}
        found.setdefault(lone, set()).update(value for value, there in is_there.items() if there)
        return
    for *key, is_original in frame.select(*KEYS, "is_original").unique().rows():
        found.setdefault(Partition(*key), set()).add(is_original)


def _only(values: Collection[bool | None]) -> bool | None:
    """What all rows say; None where they differ or do not say."""
    return next(iter(values)) if len(values) == 1 else None


class Judge:
    """Applies the row rules to the batches of one source.

    Parameters
    ----------
    form, options
        Its format, and what decides the rows.
    columns
        Of its batches.
    name
        For error messages.
    digits
        Of the products that are kept.
    """

    def __init__(
        self, form: Format, options: Ingest, columns: Collection[str], name: str, *, digits: int
    ) -> None:
        self._form, self._name = form, name
        self._has_parts = form.is_complete and form.has_world_rows
        levels = (0, digits) if form.has_world_rows else (digits,)
        self._plan = _plan(tuple(options.flows), tuple(options.columns), tuple(columns), levels)

    def judge(self, frame: pl.DataFrame, lone: Partition | None, pending: Pending) -> None:
        """Count one batch, of a lone partition or several, and hold what stays: the rows that are kept, and parts of totals that may be missing."""
        plan = self._plan
        judged = frame.with_columns(plan.rule, plan.begins_cell if lone is None else plan.begins_cell_of_lone)
        pending.audit(judged, lone)
        keys = KEYS if lone is None else ()
        self._refuse_partners(judged, pl.col("rule") == 0)
        kept = judged.lazy().filter(pl.col("rule") == 0).select(*keys, *plan.kept).collect(engine="in-memory")
        pending.hold("kept", kept, lone)
        if self._form.mirrors_imports:
            pending.hold("kept", _mirrored(judged.filter(pl.col("rule") == 0).select(*KEYS, *plan.kept)))
        if self._has_parts and (may_lack := _without_total(judged)).any():
            parts = judged.filter(pl.lit(pl.Series(may_lack)), plan.is_part)
            if len(parts):
                self._refuse_partners(parts, pl.lit(value=True))
                pending.hold("parts", parts.select(*keys, *plan.parts), lone)

    def _refuse_partners(self, rows: pl.DataFrame, stays: pl.Expr) -> None:
        refuse_partners(rows, stays, least=0 if self._form.has_world_rows else 1, name=self._name)


@dataclass(frozen=True, slots=True)
class _Plan:
    """Expressions that a batch is judged by: made once, not for each file."""

    rule: pl.Expr
    begins_cell: pl.Expr
    begins_cell_of_lone: pl.Expr
    is_part: pl.Expr
    kept: list[pl.Expr]
    parts: list[pl.Expr]


@cache
def _plan(
    flows: tuple[str, ...], figures: tuple[str, ...], columns: tuple[str, ...], levels: tuple[int, ...]
) -> _Plan:
    rules = applicable(row_rules(flows, levels), columns)
    cell = ("flow", "partner_code", "product_code")
    begins, begins_of_lone = (
        pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in names).alias(
            "begins_cell"
        )
        for names in ((*KEYS, *cell), cell)
    )
    kept = [pl.col(name).cast(dtype) for name, dtype in _schema(figures).items()]
    parts = [*kept, *(pl.col(name) for name in COMPONENT_COLUMNS if name in columns)]
    return _Plan(first_rule(rules).alias("rule"), begins, begins_of_lone, part_rule(rules), kept, parts)


def _schema(figures: Sequence[str]) -> dict[str, pl.DataType]:
    """Columns of the rows that are kept."""
    keys = {
        "flow": pl.Categorical(),
        "partner_code": pl.Int32(),
        "product_code": pl.Categorical(),
        "value_usd": pl.Float64(),
    }
    return keys | dtypes_of(figures)


def _mirrored(kept: pl.DataFrame) -> pl.DataFrame:
    """Each row as its partner's import."""
    return kept.with_columns(
        flow=pl.lit("M", pl.Categorical),
        reporter_code=pl.col("partner_code").cast(pl.Int64),
        partner_code=pl.col("reporter_code").cast(pl.Int32),
    )


_KEPT: Final = RULES.index(KEPT)
_FIRST_PART, _LAST_PART = RULES.index(COMPONENT_RULES[0]), RULES.index(COMPONENT_RULES[-1])


def _without_total(judged: pl.DataFrame) -> NDArray[np.bool_]:
    """Parts of totals beside which stands no row that is kept, among neighbours of one cell.

    In Comtrade's files a total and its parts stand together: the others need not be held. Nor need those beside a row that
    the rule `level` removes, which is about the cell.
    """
    rule, begins = judged["rule"].to_numpy(), judged["begins_cell"].to_numpy()
    run = np.cumsum(begins, out=recycled(len(rule), np.int32))
    is_bare = np.ones(run[-1] + 1, dtype=np.bool_)
    is_bare[np.compress((rule == _KEPT) | (rule >= OF_LEVEL), run)] = False
    return (rule >= _FIRST_PART) & (rule <= _LAST_PART) & is_bare.take(run, mode="clip")


def _audit_json(pending: Pending, partition: Partition) -> Footer:
    audit = pending.audits.get(partition)
    rules: dict[str, Any] = audit.rules() if audit else {}
    return {
        "rows_in": sum(int(one["rows"]) for one in rules.values()),
        "rows_kept": int(rules.get("kept", {"rows": 0})["rows"]),
        "rules": rules,
        "levels": audit.levels() if audit else {},
    }
