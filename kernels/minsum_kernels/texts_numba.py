"""Loop that numbers the short texts of a column, in order of appearance."""

# n row, s slot of a hash table

from __future__ import annotations

import numpy as np

from minsum_kernels.jit import I64Array, U32Array, kernel
from minsum_kernels.words_numba import get, put

_SPREAD = np.uint64(0x9E3779B97F4A7C15)
NO_WORD = np.iinfo(np.int64).min
"""Stands in a slot without a word; no text is packed into it."""


@kernel()
def slot_of(words: I64Array, bits: int, word: int) -> int:
    """Where a word stands in a hash table of 2**bits slots, or may be put."""
    s = np.int64((np.uint64(word) * _SPREAD) >> np.uint64(64 - bits))
    while get(words, s) != word and get(words, s) != NO_WORD:
        s = (s + 1) & (words.size - 1)
    return s


@kernel()
def number_words(
    words: I64Array, n: int, numbers: U32Array, table: tuple[I64Array, U32Array], bits: int, found: I64Array, n_found: int
) -> tuple[int, int]:  # fmt: skip
    """Number the words from row n on until `found` is full; returns the row reached and how many were found."""
    slots, places = table
    while n < words.size:
        word = get(words, n)
        s = slot_of(slots, bits, word)
        if get(slots, s) == NO_WORD:
            if n_found == found.size:
                break
            slots[s], places[s], found[n_found] = word, n_found, word
            n_found += 1
        put(numbers, n, get(places, s))
        n += 1
    return n, n_found
