"""The row rules over a batch of rows, in one pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from minsum_kernels import rows_numba as loops
from minsum_kernels.jit import F64Array, I64Array

GROUP: Final = loops.GROUP
"""A partner that is a group of countries, which no code stands for; no field reads as this number."""

N_RULES: Final = loops.PARTNER + 1
"""Rules a row can meet, keeping among them."""

_ABSENT: Final = np.empty(0, dtype=np.int64)
_LEAST, _MOST = np.iinfo(np.int64).min, np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class RowRules:
    """What rows are compared with.

    Attributes
    ----------
    place
        Row of the columns that holds reporter, year, partner, product, classification, flow, and the four columns
        that break totals down (partner 2, customs procedure, mode of transport, mode of supply); -1 for none.
        Ten of them; reporter, year, partner and product must be there.
    flows
        Packed flow codes that are kept and their positions, shape (2, n).
    vintages
        Packed classifications, in the order of their numbers, shape (n,).
    totals
        Packed words for all products together, shape (n,).
    whole
        What the columns that break totals down hold on a total, shape (4, 3).
    vintage, flow
        Number and position in place of a column.
    may_lose_zeros
        Whether five digits are a product code without its leading zero.
    by_row
        Whether each row's partition and fate are wanted even where all rows belong to one partition.
    scale
        Factor of the values to USD.
    limit
        Values above it, USD, are bad.
    """

    place: tuple[int, ...]
    flows: I64Array
    vintages: I64Array
    totals: I64Array
    whole: I64Array
    vintage: int
    flow: int
    may_lose_zeros: bool
    by_row: bool
    scale: float
    limit: float


@dataclass(frozen=True, slots=True)
class JudgedRows:
    """A batch of n rows after the rules, m of which stay.

    Attributes
    ----------
    n
        Rows judged.
    is_lone
        Whether they all belong to one partition, and rows are not wanted one by one. Then `partition`, `rule` and `usd`
        are those of the first row only, and `home` is empty.
    partition
        vintage * 10**11 + year * 10**7 + reporter, shape (n,).
    rule
        Number of the first rule that removes the row, 0 for none, shape (n,): 1 flow, 2 to 5 the columns that break
        totals down, 6 product, 7 value, 8 zero, 9 a group as partner.
    usd
        Values, 0 where missing or beyond the limit, shape (n,).
    home, rows
        Partition and content of the rows that stay, kept ones and parts of totals, shape (m,).
    rows_by_rule, usd_by_rule
        Rows judged and their values, by number of the rule, shape (10,).
    reporter, year, partner
        Least and greatest of all rows; partners of those that stay only (none: the least is above the greatest).
    bad_vintage
        First row whose classification is none of the vintages, or -1.
    padded
        How many product codes got their leading zero back.
    """

    n: int
    is_lone: bool
    partition: I64Array
    rule: NDArray[np.uint8]
    usd: F64Array
    home: I64Array
    rows: NDArray[np.void]
    rows_by_rule: I64Array
    usd_by_rule: F64Array
    reporter: tuple[int, int]
    year: tuple[int, int]
    partner: tuple[int, int]
    bad_vintage: int
    padded: int


def judge_rows(
    columns: I64Array,
    values: F64Array,
    rules: RowRules,
    room: NDArray[np.void],
    *,
    figures: F64Array | None = None,
) -> JudgedRows:
    """Apply the row rules.

    Parameters
    ----------
    columns
        Integers and packed codes (see `fields.pack`), shape (n_columns, n).
    values
        Shape (n,); NaN where empty.
    rules
        What they are compared with.
    room
        Where the rows that stay are put, shape (n,) or longer: fields product (in base 36, 36**6 for all together),
        partner, value (USD), mot, part (a mark of the columns that break totals down), flow and breakdown (a bit for
        each of those columns); with `figures` also net_weight, quantity and quantity_unit.
    figures
        What those three hold of each row, shape (3, n), or None.
    """
    n = len(values)
    partition, rule, usd, home = (
        np.empty(n, np.int64),
        np.empty(n, np.uint8),
        np.empty(n),
        np.empty(n, np.int64),
    )
    rows_by_rule, usd_by_rule = np.zeros(N_RULES, np.int64), np.zeros(N_RULES)
    found = np.array([_MOST, _LEAST, _MOST, _LEAST, _MOST, _LEAST, -1, 0, 0])
    constants = (rules.vintage, rules.flow, rules.may_lose_zeros, rules.by_row, rules.scale, rules.limit)
    n_stay = loops.judge_rows(
        tuple(columns[row] if row >= 0 else _ABSENT for row in rules.place), values,
        (rules.flows, rules.vintages, rules.totals, rules.whole), constants,
        (partition, rule, usd, home, room), (rows_by_rule, usd_by_rule), found, figures,
    )  # fmt: skip
    ends = found.tolist()
    is_lone = bool(ends[8])
    told = min(n, 1) if is_lone else n
    return JudgedRows(
        n, is_lone, partition[:told], rule[:told], usd[:told], home[: 0 if is_lone else n_stay], room[:n_stay],
        rows_by_rule, usd_by_rule, (ends[0], ends[1]), (ends[2], ends[3]), (ends[4], ends[5]), ends[6], ends[7],
    )  # fmt: skip
