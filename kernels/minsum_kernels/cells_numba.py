"""Loops over the cells of a reporter-year: flow, partner and product as dense positions, and rows in their order."""

# n row, s slot of a hash table, b bucket

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minsum_kernels.jit import F64Array, I32Array, I64Array, U32Array, U64Array, kernel

_SPREAD = np.uint64(0x9E3779B97F4A7C15)
NO_CODE = np.uint32(2**32 - 1)
_U32, _LOW = np.uint64(32), np.uint64(2**32 - 1)


@kernel()
def _slot(codes: U32Array, bits: int, code: np.uint32) -> int:
    """Where a code stands in a hash table of 2**bits slots, or may be put."""
    s = np.int64((np.uint64(code) * _SPREAD) >> np.uint64(64 - bits))
    while codes[s] != code and codes[s] != NO_CODE:
        s = (s + 1) & (codes.size - 1)
    return s


@kernel()
def _hash_table(found: U32Array, n_found: int, bits: int) -> tuple[U32Array, U32Array]:
    """Codes and their places, of those that were found."""
    codes, places = np.full(1 << bits, NO_CODE, dtype=np.uint32), np.empty(1 << bits, dtype=np.uint32)
    for place in range(n_found):
        s = _slot(codes, bits, found[place])
        codes[s], places[s] = found[place], place
    return codes, places


@kernel()
def _number(codes: U32Array, n: int, found: U32Array, n_found: int, bits: int) -> tuple[int, int]:
    """Number the codes from row n on until `found` is full; returns the row reached and how many were found.

    Code and place stand together, and the table never changes its size: 4 ns a row, 20 to 30 otherwise.
    """
    known, places = _hash_table(found, n_found, bits)
    while n < codes.size:
        code = np.uint32(codes[n])
        s = _slot(known, bits, code)
        if known[s] == NO_CODE:
            if n_found == found.size:
                break
            known[s], places[s], found[n_found] = code, n_found, code
            n_found += 1
        codes[n] = places[s]
        n += 1
    return n, n_found


@kernel()
def number_codes(codes: U32Array) -> U32Array:
    """Different codes in order of appearance; the place among them is put in place of each row's code."""
    bits, n, n_found = 13, 0, 0
    found = np.empty(1 << (bits - 1), dtype=np.uint32)
    while n < codes.size:
        bits += 1
        found = np.append(found, np.empty_like(found))
        n, n_found = _number(codes, n, found, n_found, bits)
    return found[:n_found]


@kernel()
def renumber(places: U32Array, numbers: U32Array) -> None:
    """Put the number of its place in place of each."""
    for n in range(places.size):
        places[n] = numbers[places[n]]


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
def _scatter(keys: I32Array, with_keys: I32Array, at: I64Array) -> U64Array:
    """Rows in order of their keys, stable, each with its other key above it; `at` moves to the ends of the buckets."""
    placed = np.empty(keys.size, dtype=np.uint64)
    for n in range(keys.size):
        placed[at[keys[n]]] = np.uint64(with_keys[n]) << _U32 | np.uint64(n)
        at[keys[n]] += 1
    return placed


@kernel()
def order_cells(
    flow: NDArray[Any], partner: NDArray[Any], product: NDArray[Any], breakdown: NDArray[Any], n_products: int
) -> tuple[U32Array, U32Array, int]:
    """Rows in order of flow, partner and product: those that are no parts, and the parts of cells without such a row;
    and how many of the former repeat a cell.

    Two counting sorts, stable: rows of one cell keep their order. Keys travel with their rows: 14 ns a row, 17 when they
    were looked up.
    """
    rows = flow.size
    minor, pairs = np.empty(rows, dtype=np.int32), np.empty(rows, dtype=np.int32)
    width, n_flows = 0, 0
    for n in range(rows):
        width, n_flows = max(width, partner[n] + 1), max(n_flows, flow[n] + 1)
    for n in range(rows):
        minor[n] = 2 * product[n] + (breakdown[n] != 0)
        pairs[n] = flow[n] * width + partner[n]
    n_pairs = _dense(pairs, width * n_flows)
    ends, at = _starts(minor, 2 * n_products), _starts(pairs, n_pairs)
    by_product, by_cell = _scatter(minor, pairs, ends), np.empty(rows, dtype=np.uint64)
    key = 0
    for k in range(rows):
        while ends[key] <= k:
            key += 1
        pair = by_product[k] >> _U32
        by_cell[at[pair]] = np.uint64(key) << _U32 | (by_product[k] & _LOW)
        at[pair] += 1
    kept, orphans = np.empty(rows, dtype=np.uint32), np.empty(rows, dtype=np.uint32)
    n_kept, n_orphans, n_repeats, k = 0, 0, 0, 0
    for pair in range(n_pairs):
        last_product = -1
        while k < at[pair]:
            key, n = np.int64(by_cell[k] >> _U32), np.uint32(by_cell[k] & _LOW)
            if key & 1 == 0:
                kept[n_kept] = n
                n_kept += 1
                n_repeats += key >> 1 == last_product
                last_product = key >> 1
            elif key >> 1 != last_product:
                orphans[n_orphans] = n
                n_orphans += 1
            k += 1
    return kept[:n_kept], orphans[:n_orphans], n_repeats


@kernel()
def fill_grid(
    flow: NDArray[Any], partner: NDArray[Any], product: NDArray[Any], value: NDArray[Any], n_products: int,
    cell_of: I64Array, world: F64Array, partners: F64Array, has_partners: NDArray[Any],
) -> None:  # fmt: skip
    """Value of World (partner 0) and of all partners together, in order of the rows, in the cell of each flow and product."""
    for n in range(flow.size):
        cell = flow[n] * n_products + product[n]
        cell_of[n] = cell
        if partner[n] == 0:
            world[cell] = value[n]
        else:
            partners[cell] += value[n]
            has_partners[cell] = True
