"""The loop of the row rules: columns of integers to a rule for every row, and the rows that stay."""

# n row, k row that stays, b column that breaks totals down

from __future__ import annotations

from typing import Any

import numpy as np

from minsum_kernels.fields_numba import EMPTY, U8Array
from minsum_kernels.jit import F64Array, I64Array, kernel
from minsum_kernels.plain_numba import digits_of
from minsum_kernels.words_numba import trailing_zeros

KEPT, FLOW, FIRST_PART, LEVEL, VALUE, ZERO, PARTNER = 0, 1, 2, 6, 7, 8, 9
"""Rules by number; FIRST_PART to FIRST_PART + 3 are those of partner 2, customs, mode of transport and of supply."""
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
def _broken_down(
    column: I64Array, n: int, whole: I64Array, b: int, breakdown: int, mark: np.uint64
) -> tuple[int, np.uint64]:
    """Add one column to the bits and to the mark of what breaks a total down."""
    if column.size == 0:
        return breakdown, mark
    content = column[n]
    # "and" would branch on what rows hold: a third of this loop's time.
    is_part = (content != whole[b, 0]) & (content != whole[b, 1]) & (content != whole[b, 2])
    return breakdown | (np.int64(is_part) << b), mark * _MIX ^ np.uint64(content) * _MIX


@kernel()
def _flow_of(code: int, flows: I64Array) -> int:
    flow = -1
    for f in range(flows.shape[1]):
        flow = flows[1, f] if flows[0, f] == code else flow
    return flow


@kernel()
def _is_one_of(code: int, codes: I64Array) -> bool:
    found = False
    for c in range(codes.size):
        found |= codes[c] == code
    return found


@kernel()
def _fate(flow: int, breakdown: int, product: int, value: float, is_usd: bool, partner: int) -> int:
    """First rule that removes a row, or KEPT.

    From the last rule to the first, so that the first has the last word: choices take half the time of branches.
    """
    fate = PARTNER if partner == GROUP else KEPT
    fate = ZERO if value == 0 else fate
    fate = fate if is_usd else VALUE
    fate = LEVEL if product == NO_PRODUCT else fate
    part = FIRST_PART + np.int64(trailing_zeros(np.uint64(breakdown)))
    fate = part if breakdown != 0 else fate
    return FLOW if flow < 0 else fate


@kernel()
def _is_constant(column: I64Array) -> bool:
    n_others = 0
    for n in range(1, column.size):
        n_others += column[n] != column[0]
    return n_others == 0


@kernel()
def judge_rows(
    columns: tuple[I64Array, ...],
    values: F64Array,
    codes: tuple[I64Array, I64Array, I64Array, I64Array],
    constants: tuple[int, int, bool, bool, float, float],
    out: tuple[I64Array, U8Array, F64Array, I64Array, Any],
    tally: tuple[I64Array, F64Array],
    found: I64Array,
    figures: F64Array | None,
) -> int:
    """Judge every row; returns how many stay. Arguments as in `rows.judge_rows`; absent columns are empty.

    Without `figures` what concerns them is not compiled.

    `tally` gets rows and USD by rule. `found` is set to the least and greatest reporter, year, and partner of rows that stay;
    the first row of no vintage; how many codes got their zero back; and whether all rows are of one partition: then the
    first elements of `out` are written, and all rows that stay.
    """
    reporters, years, partners, products, vintage_codes, flow_codes, partner2, customs, mot, mos = columns
    flows, vintages, totals, whole = codes
    vintage, flow, may_lose_zeros, by_row, scale, limit = constants
    partition, rule, usd, home, rows = out
    rows_by_rule, usd_by_rule = tally
    is_lone = not by_row and reporters.size > 0
    is_lone = is_lone and _is_constant(reporters) and _is_constant(years) and _is_constant(vintage_codes)
    n_stay, last_vintage, bad_vintage, n_padded = 0, EMPTY, -1, 0
    least_reporter, most_reporter, least_year, most_year = found[0], found[1], found[2], found[3]
    least_partner, most_partner = found[4], found[5]
    for n in range(values.size):
        reporter, year, partner = reporters[n], years[n], partners[n]
        least_reporter, most_reporter = min(least_reporter, reporter), max(most_reporter, reporter)
        least_year, most_year = min(least_year, year), max(most_year, year)
        if vintage_codes.size and vintage_codes[n] != last_vintage:
            last_vintage, vintage = vintage_codes[n], -1
            for v in range(vintages.size):
                if vintages[v] == last_vintage:
                    vintage = v
            if vintage < 0 and bad_vintage < 0:
                bad_vintage = n
        number = vintage * 10**11 + year * 10**7 + reporter
        if flow_codes.size:
            flow = _flow_of(flow_codes[n], flows)
        breakdown, mark = _broken_down(partner2, n, whole, 0, 0, _U0)
        breakdown, mark = _broken_down(customs, n, whole, 1, breakdown, mark)
        breakdown, mark = _broken_down(mot, n, whole, 2, breakdown, mark)
        breakdown, mark = _broken_down(mos, n, whole, 3, breakdown, mark)
        product, is_padded = product_number(products[n], may_lose_zeros)
        n_padded += is_padded
        product = TOTAL_PRODUCT if _is_one_of(products[n], totals) else product
        value = values[n] * scale
        is_usd = value >= 0 and value <= limit
        counted = value if abs(value) <= limit else 0.0
        fate = _fate(flow, breakdown, product, value, is_usd, partner)
        rows_by_rule[fate] += 1
        usd_by_rule[fate] += counted
        if n == 0 or not is_lone:
            partition[n], rule[n], usd[n], home[n_stay] = number, fate, counted, number
        # Written whether it stays or not: the next row takes the place of one that does not.
        row = rows[n_stay]
        row.product, row.partner, row.value, row.flow = product, partner, value, flow
        row.breakdown = breakdown
        row.mot = mot[n] if mot.size else 0
        row.part = np.uint32(mark >> _U32) if breakdown != 0 else 0
        if figures is not None:
            row.net_weight, row.quantity, row.quantity_unit = figures[0, n], figures[1, n], figures[2, n]
        stays = (flow >= 0) & (product != NO_PRODUCT) & is_usd & (value > 0) & (partner != GROUP)
        least_partner = min(least_partner, partner) if stays else least_partner
        most_partner = max(most_partner, partner) if stays else most_partner
        n_stay += stays
    found[0], found[1], found[2], found[3] = least_reporter, most_reporter, least_year, most_year
    found[4], found[5] = least_partner, most_partner
    found[6], found[7], found[8] = bad_vintage, n_padded, is_lone
    return n_stay
