"""One source to the rows and the audit of each of its partitions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from minsum.errors import SourceError
from minsum.flows.contradictions import refuse_contradictions
from minsum.flows.figures import bad_figures, dtypes_of, names_of, with_good_figures
from minsum.flows.lake import SourceRecord
from minsum.flows.options import IngestOptions
from minsum.flows.pending import KEYS, Partition, Pending, lone_partition
from minsum.flows.rules import (
    COMPONENT_COLUMNS,
    COMPONENT_RULES,
    KEPT,
    RULES,
    applicable,
    first_rule,
    part_rule,
    refuse_partners,
    row_rules,
)
from minsum.flows.scan import opened
from minsum.formats import Format
from minsum.sources import Source
from minsum.workspace import Footer, Layout


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


def parse(source: Source, options: IngestOptions, layout: Layout) -> Parsed | None:
    """Read a source to its end; None when it only accompanies data or holds no reporter that is wanted.

    Raises
    ------
    SourceError
        If it is rejected.
    """
    wanted = options.reporter_codes()
    scratch = layout.scratch / f"pending-{source.sha256}"
    pending = Pending(scratch, source.name, schema=_schema(options.columns), wanted=wanted)
    bad: dict[str, int] = dict.fromkeys((f"bad_{name}" for name in sorted(set(options.columns))), 0)
    with opened(source, figures=names_of(options.columns), classification=options.classification) as table:
        if table is None:
            return None
        form, claims = table.form, table.claims
        if wanted and claims.reporter_code is not None and claims.reporter_code not in wanted:
            return None
        judge = None
        for frame in table.frames():
            judge = judge or Judge(form, options, frame.columns, source.name)
            lone = lone_partition(frame)
            refuse_contradictions(frame, lone, form, claims, source.name)
            if options.columns:
                bad = {name: n + bad[name] for name, n in bad_figures(frame, options.columns).items()}
                frame = with_good_figures(frame, options.columns)
            judge.judge(frame, lone, pending)
    if not pending.rows_in:
        raise SourceError(f"{source.name}: a header line and no rows", "download it again")
    if not pending.partitions:
        return None
    base: SourceRecord = {
        "name": source.name, "size": source.size, "sha256": source.sha256, "format": form.name,
        "publisher": form.publisher, "published": claims.published, "is_complete": form.is_complete,
        "partitions": len(pending.partitions), "padded_codes": table.padded, **bad, **claims.identity,
    }  # fmt: skip
    if not form.is_complete or claims.published is None:
        base["folder"] = source.folder
    if table.assumed is not None:
        base["assumed"] = table.assumed
    if options.reporters and claims.reporter_code is None:
        base["reporters"] = sorted(options.reporters)
    return Parsed(
        source, form, pending, {one: base | _audit_json(pending, one) for one in pending.partitions}
    )


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
    """

    def __init__(self, form: Format, options: IngestOptions, columns: Collection[str], name: str) -> None:
        self._form, self._name = form, name
        self._has_parts = form.is_complete and form.has_world_rows
        self._plan = _plan(tuple(options.flows), tuple(options.columns), tuple(columns))

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
def _plan(flows: tuple[str, ...], figures: tuple[str, ...], columns: tuple[str, ...]) -> _Plan:
    rules = applicable(row_rules(flows), columns)
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


_SETTLES: Final = [RULES.index(KEPT), RULES.index("level")]
_FIRST_PART, _LAST_PART = RULES.index(COMPONENT_RULES[0]), RULES.index(COMPONENT_RULES[-1])


def _without_total(judged: pl.DataFrame) -> NDArray[np.bool_]:
    """Parts of totals beside which stands no row that is kept, among neighbours of one cell.

    In Comtrade's files a total and its parts stand together: the others need not be held. Nor need those beside a row that
    the rule `level` removes, which is about the cell.
    """
    rule, begins = judged["rule"].to_numpy(), judged["begins_cell"].to_numpy()
    run = np.cumsum(begins)
    is_settled = np.zeros(run[-1] + 1, dtype=np.bool_)
    is_settled[run.take(np.flatnonzero((rule == _SETTLES[0]) | (rule == _SETTLES[1])))] = True
    return (rule >= _FIRST_PART) & (rule <= _LAST_PART) & ~is_settled.take(run, mode="clip")


def _audit_json(pending: Pending, partition: Partition) -> Footer:
    audit = pending.audits.get(partition)
    rules: dict[str, Any] = audit.as_json() if audit else {}
    return {
        "rows_in": sum(int(one["rows"]) for one in rules.values()),
        "rows_kept": int(rules.get("kept", {"rows": 0})["rows"]),
        "rules": rules,
    }
