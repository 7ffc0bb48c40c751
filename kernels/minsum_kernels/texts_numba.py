"""Loop that numbers the short texts of a column in order of appearance."""

# n row, s slot of a hash table

from __future__ import annotations

import numpy as np

from minsum_kernels.bytes_numba import get, put
from minsum_kernels.jit import I64Array, U32Array, kernel

_SPREAD = np.uint64(0x9E3779B97F4A7C15)
NO_KEY = np.iinfo(np.int64).min
"""Marks an empty slot; it is the key of no text."""


@kernel()
def slot_of(keys: I64Array, bits: int, key: int) -> int:
    """Slot of a key in a hash table of 2**bits slots, or the slot to store it."""
    s = np.int64((np.uint64(key) * _SPREAD) >> np.uint64(64 - bits))
    while get(keys, s) != key and get(keys, s) != NO_KEY:
        s = (s + 1) & (keys.size - 1)
    return s


@kernel()
def number_keys(
    keys: I64Array, n: int, out: U32Array, table: tuple[I64Array, U32Array], bits: int, found: I64Array, n_found: int
) -> tuple[int, int]:  # fmt: skip
    """Number the keys from row n on until `found` is full; return the row reached and the number of keys found."""
    slots, indices = table
    last, index = NO_KEY, np.uint32(0)
    while n < keys.size:
        key = get(keys, n)
        if key != last:  # most rows repeat the text of the row before
            s = slot_of(slots, bits, key)
            if get(slots, s) == NO_KEY:
                if n_found == found.size:
                    break
                slots[s], indices[s], found[n_found] = key, n_found, key
                n_found += 1
            last, index = key, get(indices, s)
        put(out, n, index)
        n += 1
    return n, n_found
