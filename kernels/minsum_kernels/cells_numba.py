"""Loops over the cells of a reporter-year: flow, partner and product as dense positions, and rows in their order."""

# n row, s slot of a hash table, b bucket

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minsum_kernels.jit import I32Array, I64Array, U32Array, kernel

_SPREAD = np.uint64(0x9E3779B97F4A7C15)


@kernel()
def _slot(code: int, bits: int) -> int:
    """Where to look for a code first in a hash table of 2**bits slots."""
    return np.int64((np.uint64(code) * _SPREAD) >> np.uint64(64 - bits))


@kernel()
def distinct_codes(codes: U32Array, positions: I32Array) -> U32Array:
    """Different codes in order of appearance; `positions` is set to the place of each row's code among them."""
    bits = 10
    slots = np.full(1 << bits, -1, dtype=np.int32)
    found = np.empty(1 << (bits - 1), dtype=np.uint32)
    n_found = 0
    for n in range(codes.size):
        code = np.uint32(codes[n])
        s = _slot(code, bits)
        while slots[s] >= 0 and found[slots[s]] != code:
            s = (s + 1) & (slots.size - 1)
        if slots[s] < 0:
            if n_found == found.size:
                bits += 1
                found, slots = _grown(found, bits)
                s = _slot(code, bits)
                while slots[s] >= 0:
                    s = (s + 1) & (slots.size - 1)
            slots[s], found[n_found] = n_found, code
            n_found += 1
        positions[n] = slots[s]
    return found[:n_found]


@kernel()
def _grown(found: U32Array, bits: int) -> tuple[U32Array, I32Array]:
    """Room for twice as many codes, and their hash table."""
    larger = np.empty(1 << (bits - 1), dtype=np.uint32)
    larger[: found.size] = found
    slots = np.full(1 << bits, -1, dtype=np.int32)
    for position in range(found.size):
        s = _slot(found[position], bits)
        while slots[s] >= 0:
            s = (s + 1) & (slots.size - 1)
        slots[s] = position
    return larger, slots


@kernel()
def _dense(codes: I32Array, n_codes: int) -> int:
    """Replace codes below `n_codes` by their positions among all that occur; returns how many do."""
    position = np.zeros(n_codes, dtype=np.int32)
    for n in range(codes.size):
        position[codes[n]] = 1
    n_found = 0
    for code in range(n_codes):
        if position[code] == 1:
            position[code] = n_found
            n_found += 1
    for n in range(codes.size):
        codes[n] = position[codes[n]]
    return n_found


@kernel()
def _starts(buckets: I32Array, n_buckets: int) -> I64Array:
    """Where each bucket's rows begin."""
    starts = np.zeros(n_buckets + 1, dtype=np.int64)
    for n in range(buckets.size):
        starts[buckets[n] + 1] += 1
    for b in range(n_buckets):
        starts[b + 1] += starts[b]
    return starts


@kernel()
def order_cells(
    flow: NDArray[Any], partner: NDArray[Any], product: NDArray[Any], is_part: NDArray[Any], n_products: int
) -> tuple[U32Array, U32Array]:
    """Rows in order of flow, partner and product: those that are no parts, and the parts of cells without such a row.

    Two counting sorts, stable: rows of one cell keep their order.
    """
    rows = flow.size
    minor, pairs = np.empty(rows, dtype=np.int32), np.empty(rows, dtype=np.int32)
    width, n_flows = 0, 0
    for n in range(rows):
        width, n_flows = max(width, partner[n] + 1), max(n_flows, flow[n] + 1)
    for n in range(rows):
        minor[n] = 2 * product[n] + is_part[n]
        pairs[n] = flow[n] * width + partner[n]
    n_pairs = _dense(pairs, width * n_flows)
    by_product, by_cell = np.empty(rows, dtype=np.uint32), np.empty(rows, dtype=np.uint32)
    at = _starts(minor, 2 * n_products)
    for n in range(rows):
        by_product[at[minor[n]]] = n
        at[minor[n]] += 1
    at = _starts(pairs, n_pairs)
    for k in range(rows):
        pair = pairs[by_product[k]]
        by_cell[at[pair]] = by_product[k]
        at[pair] += 1
    kept, orphans = by_product, np.empty(rows, dtype=np.uint32)
    n_kept, n_orphans, last_pair, last_product = 0, 0, -1, -1
    for k in range(rows):
        n = by_cell[k]
        if minor[n] & 1 == 0:
            kept[n_kept] = n
            n_kept, last_pair, last_product = n_kept + 1, pairs[n], minor[n] >> 1
        elif pairs[n] != last_pair or minor[n] >> 1 != last_product:
            orphans[n_orphans] = n
            n_orphans += 1
    return kept[:n_kept], orphans[:n_orphans]
