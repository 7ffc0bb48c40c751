"""Applies the row rules to the batches of one source."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from minsum.flows.pending import KEYS, Partition, Pending
from minsum.flows.quantities import dtypes_of
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
from minsum.settings.flows import Ingest
from minsum.sources.formats import Format
from minsum_kernels.memory import recycled


class RowRules:
    """Applies the row rules to the batches of one source.

    Parameters
    ----------
    form, options
        Format of the source, and options that decide the rows.
    columns
        Columns of the batches.
    name
        Name of the source, for error messages.
    digits
        Digits of the products to keep.
    """

    def __init__(
        self, form: Format, options: Ingest, columns: Collection[str], name: str, *, digits: int
    ) -> None:
        self._form, self._name = form, name
        self._has_parts = form.is_complete and form.has_world_rows
        levels = (0, digits) if form.has_world_rows else (digits,)
        self._expressions = _expressions(tuple(options.flows), tuple(options.columns), tuple(columns), levels)

    def apply(self, frame: pl.DataFrame, single: Partition | None, pending: Pending) -> None:
        """Add one batch to `pending`: its audit, the rows that are kept, and parts of totals that may be missing.

        `single` is the partition of all rows, or None.
        """
        expressions = self._expressions
        ruled = frame.with_columns(
            expressions.rule, expressions.begins_cell if single is None else expressions.begins_cell_of_single
        )
        pending.audit(ruled, single)
        keys = KEYS if single is None else ()
        self._refuse_partners(ruled, pl.col("rule") == 0)
        kept = (
            ruled.lazy()
            .filter(pl.col("rule") == 0)
            .select(*keys, *expressions.kept)
            .collect(engine="in-memory")
        )
        pending.hold("kept", kept, single)
        if self._form.mirrors_imports:
            pending.hold(
                "kept", _mirrored(ruled.filter(pl.col("rule") == 0).select(*KEYS, *expressions.kept))
            )
        if self._has_parts and (may_lack := _without_total(ruled)).any():
            parts = ruled.filter(pl.lit(pl.Series(may_lack)), expressions.is_part)
            if len(parts):
                self._refuse_partners(parts, pl.lit(value=True))
                pending.hold("parts", parts.select(*keys, *expressions.parts), single)

    def _refuse_partners(self, rows: pl.DataFrame, stays: pl.Expr) -> None:
        refuse_partners(rows, stays, least=0 if self._form.has_world_rows else 1, name=self._name)


@dataclass(frozen=True, slots=True)
class _Expressions:
    """Expressions applied to every batch; made once for all files with equal columns."""

    rule: pl.Expr
    begins_cell: pl.Expr
    begins_cell_of_single: pl.Expr
    is_part: pl.Expr
    kept: list[pl.Expr]
    parts: list[pl.Expr]


@cache
def _expressions(
    flows: tuple[str, ...], quantities: tuple[str, ...], columns: tuple[str, ...], levels: tuple[int, ...]
) -> _Expressions:
    rules = applicable(row_rules(flows, levels), columns)
    cell = ("flow", "partner_code", "product_code")
    begins, begins_of_lone = (
        pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in names).alias(
            "begins_cell"
        )
        for names in ((*KEYS, *cell), cell)
    )
    kept = [pl.col(name).cast(dtype) for name, dtype in kept_schema(quantities).items()]
    parts = [*kept, *(pl.col(name) for name in COMPONENT_COLUMNS if name in columns)]
    return _Expressions(
        first_rule(rules).alias("rule"), begins, begins_of_lone, part_rule(rules), kept, parts
    )


def kept_schema(quantities: Sequence[str]) -> dict[str, pl.DataType]:
    """Columns and types of kept rows."""
    keys = {
        "flow": pl.Categorical(),
        "partner_code": pl.Int32(),
        "product_code": pl.Categorical(),
        "value_usd": pl.Float64(),
    }
    return keys | dtypes_of(quantities)


def _mirrored(kept: pl.DataFrame) -> pl.DataFrame:
    """Each row as an import reported by its partner."""
    return kept.with_columns(
        flow=pl.lit("M", pl.Categorical),
        reporter_code=pl.col("partner_code").cast(pl.Int64),
        partner_code=pl.col("reporter_code").cast(pl.Int32),
    )


_KEPT: Final = RULES.index(KEPT)


_FIRST_PART, _LAST_PART = RULES.index(COMPONENT_RULES[0]), RULES.index(COMPONENT_RULES[-1])


def _without_total(ruled: pl.DataFrame) -> NDArray[np.bool_]:
    """Parts of totals without a kept row in the same cell, among neighbouring rows.

    In Comtrade's files a total stands beside its parts, so parts beside a kept row need not be held. Parts beside a
    row removed by the rule `level` are not needed either: that rule removes the cell.
    """
    rule, begins = ruled["rule"].to_numpy(), ruled["begins_cell"].to_numpy()
    run = np.cumsum(begins, out=recycled(len(rule), np.int32))
    is_bare = np.ones(run[-1] + 1, dtype=np.bool_)
    is_bare[np.compress((rule == _KEPT) | (rule >= OF_LEVEL), run)] = False
    return (rule >= _FIRST_PART) & (rule <= _LAST_PART) & is_bare.take(run, mode="clip")
