"""Builds the table of one reporter-year: unique rows, missing totals rebuilt, identities checked.

Each repair is counted under its name in docs/data-rules.md, which the docstring of its function says. Rows are ordered by `cell` (`cells`). Sums are added in
a fixed order, so the result depends neither on threads nor on the order of files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
import polars as pl
from polars.dataframe.group_by import GroupBy

from minsum.flows.cells import cell_in, in_order, merged
from minsum.flows.identities import (
    CELL,
    WORLD_TOLERANCE,
    Checks,
    identity_checks,
    uncontained,
    world_and_partners,
)
from minsum.flows.quantities import quantities_of_largest, quantities_of_sum
from minsum.flows.rules import COMPONENT_COLUMNS, component_rules
from minsum.flows.text_repairs import TOTAL

_EXCESS: Final = 1 + 1e-6
"""Factor by which a product may exceed its TOTAL, for rounding."""

_KEYS: Final = ("flow", "partner_code", "product_code")
Repairs = dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Built:
    """One reporter-year, ready to publish.

    Attributes
    ----------
    rows
        Columns of the flows table; flow and product_code are Enums in the order of their texts. Sorted by flow, partner
        and product, each combination once.
    repairs
        Rows changed by each repair, and their USD.
    checks
        Identity checks by flow.
    """

    rows: pl.DataFrame
    repairs: Repairs
    checks: Checks


def build(
    kept: Sequence[pl.DataFrame],
    parts: Sequence[pl.DataFrame] = (),
    others: Sequence[pl.DataFrame] = (),
    *,
    is_complete: bool,
    has_world_rows: bool,
) -> Built:
    """Build one reporter-year: unique rows, rebuilt totals, identity checks.

    Parameters
    ----------
    kept
        Rows kept by the row rules, in any order: flow, partner_code, product_code, value_usd and quantities; at least
        one frame.
    parts
        Parts of totals, with the columns of `COMPONENT_COLUMNS`.
    others
        Rows of other levels; values that the products do not contain are counted.
    is_complete
        Whether the rows are a complete reporter-year. A partial file may hold the user's choice of partners or parts:
        only its World rows are rebuilt, and only if its TOTAL shows that all partners are there.
    has_world_rows
        False for formats without World and TOTAL rows.
    """
    repairs: Repairs = {}
    rows = unique(in_order(pl.concat(kept)), repairs)
    others = [one for one in others if len(one)]
    if not is_complete:
        rows, coarser = of_most_digits(rows, repairs)
        others += [coarser] if len(coarser) else []
    if not has_world_rows:
        rows = with_sums(rows)
    if is_complete and has_world_rows and parts:
        rows = merged(rows, rebuilt_totals(without_total(pl.concat(parts), rows), repairs))
    cells = world_and_partners(rows)
    if has_world_rows:
        repair = repaired_world if is_complete else world_of_all_partners
        if len(repaired := repair(rows, cells, repairs)):
            rows = merged(_without(rows, repaired), repaired)
            cells = world_and_partners(rows)
    if others and (excess := uncontained(rows, others))["rows"]:
        repairs["uncontained"] = excess
    columns = [*_KEYS, "value_usd", "is_rebuilt"]
    quantities = [name for name in rows.columns if name not in (*columns, "cell")]
    return Built(rows[columns + quantities], repairs, identity_checks(rows, cells))


def unique(rows: pl.DataFrame, repairs: Repairs) -> pl.DataFrame:
    """Repairs `duplicates` and `conflicts`: each cell once, with the largest of unequal values."""
    cell = rows["cell"].to_numpy()
    repeats = cell[1:][cell[1:] == cell[:-1]]
    if not len(repeats):
        return rows
    repeated = pl.col("cell").is_in(pl.Series(np.unique(repeats)).implode())
    value = pl.col("value_usd")
    groups = _largest_last(rows.filter(repeated), "cell").agg(
        pl.col(*_KEYS, "is_rebuilt").first(), value.last(), *quantities_of_largest(rows.columns),
        n=pl.len() - 1, dropped=value.head(pl.len() - 1).sum(), is_conflict=value.first() != value.last(),
    )  # fmt: skip
    for name, chosen in (("duplicates", ~pl.col("is_conflict")), ("conflicts", pl.col("is_conflict"))):
        _note(repairs, name, groups.filter(chosen), rows="n", usd="dropped")
    return pl.concat([rows.filter(~repeated), groups.select(rows.columns)]).sort("cell")


def of_most_digits(rows: pl.DataFrame, repairs: Repairs) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Repair `coarser`: of each flow, the products with most digits; and the other rows.

    Partial files of one reporter-year may hold products of several levels.
    """
    digits = cast("pl.Enum", rows.schema["product_code"]).categories.replace(TOTAL, "").str.len_bytes()
    if digits.filter(digits > 0).n_unique() <= 1:
        return rows, rows.clear()
    rows = rows.with_columns(digits=digits[rows["product_code"].to_physical()])
    most = pl.col("digits").max().over("flow")
    coarser = rows.filter(pl.col("digits") > 0, pl.col("digits") < most)
    _note(repairs, "coarser", coarser)
    return _without(rows, coarser).drop("digits"), coarser


def with_sums(rows: pl.DataFrame) -> pl.DataFrame:
    """Add TOTAL of every partner, then World of every product and of TOTAL. These are sums by definition, not
    repairs."""
    rows = rows.with_columns(pl.col(CELL).cast(pl.Categorical))
    total = pl.lit(TOTAL, pl.Categorical)
    rows = pl.concat([rows, _summed(rows, "flow", "partner_code", product_code=total).select(rows.columns)])
    world = _summed(rows, *CELL, partner_code=pl.lit(0, pl.Int32))
    return in_order(pl.concat([rows, world.select(rows.columns)]))


def _summed(rows: pl.DataFrame, *by: str, **constants: pl.Expr) -> pl.DataFrame:
    """Sums of groups, added in row order; `cell` is a placeholder to be computed again."""
    sums = rows.group_by(by, maintain_order=True).agg(
        pl.col("value_usd").sum(),
        *quantities_of_sum(rows.columns),
        cell=pl.lit(0, pl.Int64),
        is_rebuilt=pl.lit(value=False),
    )
    return sums.with_columns(**constants)


def without_total(parts: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Parts of totals whose cell has no row."""
    parts = parts.with_columns(cell=cell_in(rows))
    whole = rows["cell"].filter(rows["cell"].is_in(parts["cell"].implode()))
    return parts.filter(~pl.col("cell").is_in(whole.implode()).fill_null(value=False))


def rebuilt_totals(orphans: pl.DataFrame, repairs: Repairs) -> pl.DataFrame:
    """Repair `totals_rebuilt`: totals of cells that have parts only, each from the breakdown with the largest sum."""
    if orphans.is_empty():
        return orphans
    parts = _unique_parts(_outermost(_with_breakdown(orphans)), repairs)
    totals = (
        parts.sort(*_KEYS, "breakdown", "value_usd")
        .group_by(*_KEYS, "breakdown", maintain_order=True)
        .agg(pl.col("value_usd").sum(), *quantities_of_sum(parts.columns), cell=pl.lit(0, pl.Int64))
        .sort(*_KEYS, pl.col("value_usd"), pl.col("breakdown"), descending=[False] * 3 + [True, False])
        .unique(_KEYS, keep="first", maintain_order=True)
    )
    _note(repairs, "totals_rebuilt", totals)
    return totals.drop("breakdown")


def _with_breakdown(parts: pl.DataFrame) -> pl.DataFrame:
    """Add the column `breakdown`: one bit for each component rule that holds for the part."""
    bits = [
        rule.fill_null(value=False).cast(pl.UInt8) * 2**bit
        for bit, rule in enumerate(component_rules(parts.columns))
    ]
    return parts.with_columns(breakdown=pl.sum_horizontal(bits))


def _outermost(parts: pl.DataFrame) -> pl.DataFrame:
    """Leave out modes of transport whose group is present too (2100 is part of 2000)."""
    if "mot_code" not in parts.columns:
        return parts
    parts = parts.with_columns(group=pl.col("mot_code").fill_null(0) // 1000 * 1000)
    is_group = pl.col("mot_code").fill_null(0) == pl.col("group")
    by = [*_KEYS, "breakdown", "group"]
    heads = parts.filter(is_group, pl.col("group") > 0).select(by).unique()
    return pl.concat([parts.filter(is_group), parts.filter(~is_group).join(heads, on=by, how="anti")])


def _unique_parts(parts: pl.DataFrame, repairs: Repairs) -> pl.DataFrame:
    """Repair `parts_repeated`: each part once, with the largest value of repeats."""
    by = [name for name in (*_KEYS, "breakdown", *COMPONENT_COLUMNS) if name in parts.columns]
    value = pl.col("value_usd")
    groups = _largest_last(parts, *by).agg(
        value.last(),
        *quantities_of_largest(parts.columns),
        n=pl.len() - 1,
        dropped=value.head(pl.len() - 1).sum(),
    )
    _note(repairs, "parts_repeated", groups.filter(pl.col("n") > 0), rows="n", usd="dropped")
    return groups.drop("n", "dropped")


_WORLD, _PARTNERS = pl.col("world_usd"), pl.col("partners_usd")
_GAP: Final = (_WORLD - _PARTNERS).abs()
_IS_IMPOSSIBLE: Final = pl.col("total_usd") * _EXCESS < _WORLD
_WORLD_PROBLEM: Final = (
    pl.when(_WORLD.is_null()).then(pl.lit("world_missing"))
    .when(_IS_IMPOSSIBLE & _PARTNERS.is_not_null()).then(pl.lit("world_impossible"))
    .when(_IS_IMPOSSIBLE).then(pl.lit("world_unresolved"))
    .when(_GAP > WORLD_TOLERANCE * _WORLD).then(pl.lit("world_discrepancies"))
)  # fmt: skip


def repaired_world(rows: pl.DataFrame, cells: pl.DataFrame, repairs: Repairs) -> pl.DataFrame:
    """World rows to replace `world_missing` and `world_impossible` rows: sums of partners.

    Also counts `world_unresolved` and `world_discrepancies`, which stay as they are.
    """
    cells = cells.with_columns(_GAP.alias("gap_usd"), _WORLD_PROBLEM.alias("problem"))
    if cells["problem"].null_count() == len(cells):
        return cells.clear()
    for name, usd in (
        ("world_missing", "partners_usd"),
        ("world_impossible", "world_usd"),
        ("world_unresolved", "world_usd"),
        ("world_discrepancies", "gap_usd"),
    ):
        _note(repairs, name, cells.filter(pl.col("problem") == name), usd=usd)
    return _summed_partners(
        rows, cells.filter(pl.col("problem").is_in(["world_missing", "world_impossible"]))
    )


def world_of_all_partners(rows: pl.DataFrame, cells: pl.DataFrame, repairs: Repairs) -> pl.DataFrame:
    """Repair `world_missing` of partial files: World rows of flows that have only a World TOTAL, equal to the sum of
    partners."""
    is_good = pl.col("product_code") != TOTAL
    adds_up = (_PARTNERS.filter(is_good).sum() - pl.col("total_usd").max()).abs() <= (
        WORLD_TOLERANCE * pl.col("total_usd").max()
    )
    flows = cells.group_by("flow").agg(is_whole=adds_up & _WORLD.filter(is_good).is_null().all())
    whole = flows.filter(pl.col("is_whole").fill_null(value=False))
    chosen = cells.filter(is_good).join(whole, on="flow", how="semi", maintain_order="left")
    _note(repairs, "world_missing", chosen, usd="partners_usd")
    return _summed_partners(rows, chosen)


def _summed_partners(rows: pl.DataFrame, cells: pl.DataFrame) -> pl.DataFrame:
    """World rows of these cells, as sums of their partners."""
    if cells.is_empty():
        return cells.select(CELL)
    addends = rows.filter(pl.col("partner_code") != 0).join(cells, on=CELL, how="semi", maintain_order="left")
    return _summed(addends, *CELL, partner_code=pl.lit(0, pl.Int32)).with_columns(cell=cell_in(rows))


def _largest_last(rows: pl.DataFrame, *by: str) -> GroupBy:
    """Groups of rows in ascending order of value, then of quantity."""
    quantities = [name for name in ("quantity", "quantity_unit") if name in rows.columns]
    return rows.sort(*by, "value_usd", *quantities).group_by(by, maintain_order=True)


def _without(rows: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """Rows whose cell is not among those of `others`, in order."""
    return rows.join(others.select("cell"), on="cell", how="anti", maintain_order="left")


def _note(
    repairs: Repairs, name: str, touched: pl.DataFrame, *, rows: str | None = None, usd: str = "value_usd"
) -> None:
    """Count the rows that a repair changed, if any."""
    if len(touched):
        count = len(touched) if rows is None else touched[rows].sum()
        repairs[name] = {"rows": int(count), "usd": float(touched[usd].sum())}
