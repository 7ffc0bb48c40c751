"""A pytest plugin for runs with NUMBA_DISABLE_JIT=1: what the field reader does without tests of bounds, with them.

    NUMBA_DISABLE_JIT=1 python -m pytest -p uncompiled tests/test_kernels.py tests/test_fields.py

Compiled, a read or write outside an array goes unseen; here it fails the test.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import settings
from numpy.typing import NDArray

from minsum_kernels import fields_numba, pairs_numba, plain_numba, texts_numba

Array = NDArray[Any]


def bytes_from(text: Array, p: int, n: int) -> bytes:
    assert 0 <= p <= text.size - n, f"{n} bytes from {p} of {text.size}"
    return bytes(text[p : p + n])


def load(text: Array, p: int) -> np.uint64:
    return np.uint64(int.from_bytes(bytes_from(text, p, 8), "little"))


def equal64(text: Array, p: int, byte: np.uint8) -> np.uint64:
    return np.uint64(sum(1 << place for place, one in enumerate(bytes_from(text, p, 64)) if one == byte))


def get(array: Array, index: int) -> Any:
    assert 0 <= index < array.size, f"read at {index} of {array.size}"
    return array[index]


def put(array: Array, index: int, value: Any) -> None:
    assert 0 <= index < array.size, f"write at {index} of {array.size}"
    array[index] = value


def trailing_zeros(word: np.uint64) -> np.uint64:
    lowest = int(word) & -int(word)
    return np.uint64(lowest.bit_length() - 1 if lowest else 64)


def bit_count(word: np.uint64) -> np.uint64:
    return np.uint64(int(word).bit_count())


def sum_minima(
    shares: Array,
    references: Array,
    place: tuple[int, int],
    first: int,
    n_vectors: int,
    one: float,
    sums: Array,
) -> None:
    columns, rows, lanes = sums.shape
    last = first + n_vectors * lanes
    assert one == 1.0
    assert 0 <= first < last <= shares.shape[1]
    exporters = [min(place[0] + row, len(shares) - 1) for row in range(rows)]
    others = [min(place[1] + column, len(references) - 1) for column in range(columns)]
    sums[:] = 0.0
    for k in range(first, last, lanes):
        here = slice(k, k + lanes)
        sums += np.minimum(shares[None, exporters, here], references[others, None, here])


pairs_numba.sum_minima = sum_minima
for module in (fields_numba, plain_numba, texts_numba):
    for function in (load, equal64, get, put, trailing_zeros, bit_count):
        if hasattr(module, function.__name__):
            setattr(module, function.__name__, function)
np.seterr(over="ignore")  # integers wrap, as compiled ones do
settings.register_profile("uncompiled", max_examples=10, deadline=None)
settings.load_profile("uncompiled")
