"""The row rules: each row is kept, or removed and counted by the first rule that matches.

Parts of totals that a rule removes are used again if their total is missing (`repairs`). Lines without a row, such as a
repeated header, are left out before the rules; repeats after them.

A rule is a name and an expression over the columns of `columns.SCHEMA`. A rule does not match an empty (null) column
unless it says so. A rule about a column that the file lacks does not apply.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from minsum.errors import BrokenSourceError

KEPT: Final = "kept"

COMPONENT_RULES: Final = ("partner2", "customs", "mot", "mos")
"""Rules that remove parts of totals, next to each other in the table; a missing total is rebuilt from these parts."""

COMPONENT_COLUMNS: Final = ("partner2_code", "customs_code", "mot_code", "mos_code")
"""Columns of the component rules; they tell parts of totals apart."""

MAX_USD: Final = 1e21
"""Largest value: far above any value with a slipped factor of 10^9; keeps every sum finite."""

MAX_PARTNER: Final = 2**20 - 1
"""Largest partner code; Comtrade's codes have at most three digits."""


def row_rules(flows: Collection[str], levels: Collection[int] = (0, 6)) -> dict[str, pl.Expr]:
    """Condition of each rule for removing a row, in the order of the rules.

    Parameters
    ----------
    flows
        Comtrade flow codes to keep.
    levels
        Digits of the product codes to keep; 0 for TOTAL.
    """
    return {
        "flow": ~pl.col("flow").is_in(list(flows), nulls_equal=True),
        "partner2": pl.col("partner2_code") != 0,
        "customs": pl.col("customs_code") != "C00",
        "mot": pl.col("mot_code") != 0,
        "mos": ~pl.col("mos_code").is_in(["0", "-1"]),
        "level": ~pl.col("level").is_in(list(levels), nulls_equal=True),
        "value": ~pl.col("value_usd").is_between(0, MAX_USD).fill_null(False),
        "zero": pl.col("value_usd") == 0,
        "partner": pl.col("partner_is_group"),
    }


RULES: Final = (KEPT, *row_rules(()))
"""Possible results for a row; `first_rule` gives the index here, or the number of a level (`OF_LEVEL`)."""

OF_LEVEL: Final = 16
"""Number of a row removed by the rule `level`, minus the digits of its code."""

FEWER_DIGITS: Final = (4, 2)
"""Of the products that a reporter-year without any of six digits keeps, the first that it has."""

_ROUNDING: Final = 1e-4
"""Relative tolerance for equal sums."""

_N_OUTCOMES: Final = OF_LEVEL + 16
DIGITS: Final = (10, 8, 6, 4, 2)
"""Digits of product codes, the longest first."""
_OUTCOMES: Final = (*range(len(RULES)), *(OF_LEVEL + digits for digits in (0, *DIGITS)))
_LEVEL: Final = RULES.index("level")


def applicable(rules: Mapping[str, pl.Expr], columns: Collection[str]) -> dict[str, pl.Expr]:
    """Rules whose columns exist."""
    return {name: rule for name, rule in rules.items() if set(rule.meta.root_names()) <= set(columns)}


def component_rules(columns: Collection[str]) -> list[pl.Expr]:
    """Applicable rules of `COMPONENT_RULES`."""
    rules = applicable(row_rules(()), columns)
    return [rule for name, rule in rules.items() if name in COMPONENT_RULES]


def first_rule(rules: Mapping[str, pl.Expr]) -> pl.Expr:
    """Number of the first matching rule, 0 for none, UInt8; for the rule `level`, `OF_LEVEL` plus the digits."""
    outcome = pl.lit(0, pl.UInt8)
    of_level = (pl.col("level").fill_null(0) + OF_LEVEL).cast(pl.UInt8)
    for name, rule in reversed(list(rules.items())):
        number = of_level if name == "level" else pl.lit(RULES.index(name), pl.UInt8)
        outcome = pl.when(rule).then(number).otherwise(outcome)
    return outcome


def part_rule(rules: Mapping[str, pl.Expr]) -> pl.Expr:
    """Whether a row is a valid part of a total: only component rules remove it."""
    components = [rule for name, rule in rules.items() if name in COMPONENT_RULES]
    others = [rule for name, rule in rules.items() if name not in COMPONENT_RULES]
    if not components:
        return pl.lit(value=False)
    return pl.any_horizontal(components) & ~pl.any_horizontal(others)


@dataclass(slots=True)
class Audit:
    """Rows and USD of one source and partition, by number of `first_rule`."""

    rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros(_N_OUTCOMES, dtype=np.int64))
    usd: NDArray[np.float64] = field(default_factory=lambda: np.zeros(_N_OUTCOMES))

    def add(self, ruled: pl.DataFrame) -> None:
        """Count a batch with columns `rule` and `value_usd`. A missing or too large value counts as a row only."""
        rule, value = ruled["rule"], ruled["value_usd"]
        ends = cast("tuple[float | None, float | None]", (value.min(), value.max()))
        if value.null_count() or not all(end is not None and abs(end) <= MAX_USD for end in ends):
            value = value.set(~value.is_between(-MAX_USD, MAX_USD).fill_null(value=False), 0.0)
        for number in _OUTCOMES:
            # np.bincount takes 11 ns a row, because each addition waits for the one before; this takes 1.4
            if n := (is_ruled := rule == number).sum():
                self.rows[number] += n
                self.usd[number] += value.filter(is_ruled).sum()

    def has_sums(self, digits: int) -> bool:
        """Whether codes of `digits` digits, removed by the rule `level`, add up to the kept products.

        Kept rows may include TOTAL, which counts the products twice.
        """
        removed, kept = self.usd[OF_LEVEL + digits], self.usd[0]
        return any(abs(n * removed - kept) <= _ROUNDING * kept for n in (1, 2))

    def rules(self) -> dict[str, dict[str, float]]:
        """Rows and USD by rule, for rules that matched any row."""
        rows, usd = self.rows[: len(RULES)].copy(), self.usd[: len(RULES)].copy()
        rows[_LEVEL], usd[_LEVEL] = self.rows[OF_LEVEL:].sum(), self.usd[OF_LEVEL:].sum()
        return _counts(RULES, rows, usd)

    def levels(self) -> dict[str, dict[str, float]]:
        """Rows and USD of the rule `level` by digits of the removed codes (0 for TOTAL)."""
        names = [str(digits) for digits in range(_N_OUTCOMES - OF_LEVEL)]
        return _counts(names, self.rows[OF_LEVEL:], self.usd[OF_LEVEL:])


def _counts(
    names: Sequence[str], rows: NDArray[np.int64], usd: NDArray[np.float64]
) -> dict[str, dict[str, float]]:
    return {
        name: {"rows": int(n), "usd": float(value)}
        for name, n, value in zip(names, rows, usd, strict=True)
        if n
    }


def refuse_partners(rows: pl.DataFrame, stays: pl.Expr, *, least: int, name: str) -> None:
    """Refuse a row that stays and has no valid partner.

    Parameters
    ----------
    rows
        Columns `line`, `partner_code` and those used by `stays`.
    stays
        Which rows stay.
    least
        Lowest valid code: 1 for sources without World rows.
    name
        Name of the source.

    Raises
    ------
    BrokenSourceError
        With the number of the line.
    """
    partner = rows["partner_code"]
    if not partner.null_count() and not rows.is_empty():
        ends: tuple[Any, Any] = partner.min(), partner.max()
        if least <= ends[0] and ends[1] <= MAX_PARTNER:
            return
    bad = rows.filter(stays, ~pl.col("partner_code").is_between(least, MAX_PARTNER).fill_null(value=False))
    if len(bad):
        raise BrokenSourceError(
            f"{name}, line {bad['line'][0]}: a partner code is empty or out of range",
            "the file is damaged; download it again",
        )
