"""The loop of the row rules: columns of integers to a rule for every row, and the rows that stay."""

# n row, k row that stays, b column that breaks totals down

from __future__ import annotations

from typing import Any

import numpy as np

from minsum_kernels.fields_numba import EMPTY, U8Array
from minsum_kernels.jit import F64Array, I64Array, kernel
from minsum_kernels.plain_numba import digits_of

U64Array = np.ndarray[Any, np.dtype[np.uint64]]

N_BREAKDOWNS = 4
"""Columns that break a total down: partner 2, customs procedure, mode of transport, mode of supply."""
KEPT, FLOW, FIRST_PART, LEVEL, VALUE, ZERO, PARTNER = 0, 1, 2, 6, 7, 8, 9
"""Rules by number; the four of the breakdowns are FIRST_PART to FIRST_PART + 3."""
GROUP = EMPTY + 1
"""Stands for a group of countries as partner."""
TOTAL_PRODUCT, NO_PRODUCT = 36**6, 2**32 - 1

_MIX = np.uint64(0x9E3779B97F4A7C15)
_U0, _U8, _U32, _U255 = np.uint64(0), np.uint64(8), np.uint64(32), np.uint64(255)
_SIX = np.uint64(0xFFFFFFFFFFFF)
_THREE_DIGITS = np.array([n // 100 * 36**2 + n // 10 % 10 * 36 + n % 10 for n in range(1000)], np.int64)


@kernel()
def product_number(packed: int, may_lose_zeros: bool) -> tuple[int, bool]:
    """Six characters (two digits first) as a number in base 36, NO_PRODUCT for others; whether a zero was added.

    With `may_lose_zeros`, five digits are a code without its leading zero.
    """
    word = np.uint64(packed)
    length = 6 if word > (_SIX >> _U8) else 5
    if word <= _SIX and (length == 6 or (may_lose_zeros and word > (_SIX >> np.uint64(16)))):
        good, number = digits_of(word, length)
        if good:
            return _THREE_DIGITS[number // 1000] * 36**3 + _THREE_DIGITS[number % 1000], length == 5
    if word > _SIX or length == 5:
        return NO_PRODUCT, False
    number = 0
    for place in range(6):
        letter = np.int64(word & _U255)
        word >>= _U8
        if 48 <= letter <= 57:
            number = number * 36 + letter - 48
        elif 65 <= letter <= 90 and place > 1:
            number = number * 36 + letter - 55
        else:
            return NO_PRODUCT, False
    return number, False


@kernel()
def judge_rows(
    columns: I64Array,
    place: I64Array,
    values: F64Array,
    codes: tuple[I64Array, I64Array, I64Array, I64Array],
    constants: tuple[int, int, bool, float, float],
    out: tuple[I64Array, U8Array, F64Array, I64Array, Any],
    found: I64Array,
) -> int:
    """Judge every row; returns how many stay. Arguments as in `rows.judge_rows`.

    `found` is set to the least and greatest reporter, year, and partner of rows that stay; the first row of no vintage;
    and how many codes got their zero back.
    """
    flows, vintages, totals, whole = codes
    vintage, flow, may_lose_zeros, scale, limit = constants
    partition, rule, usd, home, rows = out
    n_stay, last_vintage = 0, EMPTY
    for n in range(values.size):
        reporter, year, partner = columns[place[0], n], columns[place[1], n], columns[place[2], n]
        found[0], found[1] = min(found[0], reporter), max(found[1], reporter)
        found[2], found[3] = min(found[2], year), max(found[3], year)
        if place[4] >= 0 and columns[place[4], n] != last_vintage:
            last_vintage, vintage = columns[place[4], n], -1
            for v in range(vintages.size):
                if vintages[v] == last_vintage:
                    vintage = v
            if vintage < 0 and found[6] < 0:
                found[6] = n
        partition[n] = vintage * 10**11 + year * 10**7 + reporter
        if place[5] >= 0:
            flow = -1
            for f in range(flows.shape[1]):
                if flows[0, f] == columns[place[5], n]:
                    flow = flows[1, f]
                    break
        breakdown, first_part, mark = 0, N_BREAKDOWNS, _U0
        for b in range(N_BREAKDOWNS):
            if place[6 + b] >= 0:
                content = columns[place[6 + b], n]
                mark = mark * _MIX ^ np.uint64(content) * _MIX
                if content != whole[b, 0] and content != whole[b, 1] and content != whole[b, 2]:
                    breakdown |= 1 << b
                    first_part = min(first_part, b)
        packed = columns[place[3], n]
        product, is_padded = product_number(packed, may_lose_zeros)
        found[7] += is_padded
        for t in range(totals.size):
            if packed == totals[t]:
                product = TOTAL_PRODUCT
        value = values[n] * scale
        is_usd = value >= 0 and value <= limit
        usd[n] = value if abs(value) <= limit else 0.0
        is_sound = product != NO_PRODUCT and is_usd and value > 0 and partner != GROUP
        if flow < 0:
            rule[n] = FLOW
        elif breakdown != 0:
            rule[n] = FIRST_PART + first_part
        elif product == NO_PRODUCT:
            rule[n] = LEVEL
        elif not is_usd:
            rule[n] = VALUE
        elif value == 0:
            rule[n] = ZERO
        else:
            rule[n] = PARTNER if partner == GROUP else KEPT
        if flow >= 0 and is_sound:
            found[4], found[5] = min(found[4], partner), max(found[5], partner)
            home[n_stay] = partition[n]
            row = rows[n_stay]
            row.product, row.partner, row.value, row.flow = product, partner, value, flow
            row.breakdown = breakdown
            row.mot = columns[place[8], n] if place[8] >= 0 else 0
            row.part = np.uint32(mark >> _U32) if breakdown != 0 else 0
            n_stay += 1
    return n_stay
