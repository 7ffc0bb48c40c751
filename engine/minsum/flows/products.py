"""Product codes of a source: packed bytes to the integers of `codes`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from minsum.flows.codes import POWERS, TOTAL, TOTAL_CODE
from minsum_kernels.fields import pack

_BAD: Final = 255
_VALUES: Final = np.full(256, _BAD, dtype=np.uint8)
_VALUES[np.frombuffer(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", dtype=np.uint8)] = np.arange(36)
_PACKED_TOTALS: Final = [pack(TOTAL), pack("Total")]


@dataclass(frozen=True, slots=True)
class Products:
    """Products of a batch of rows.

    Attributes
    ----------
    code
        Integers of `codes.encode_products`, shape (n,); meaningless where `is_level` is False.
    is_level
        Whether the code is TOTAL or has six characters, the first two of them digits.
    is_padded
        Whether it got its leading zero back.
    """

    code: NDArray[np.uint32]
    is_level: NDArray[np.bool_]
    is_padded: NDArray[np.bool_]


def read_products(packed: NDArray[np.int64], *, may_lose_zeros: bool, has_total: bool = True) -> Products:
    """Products of packed codes (`minsum_kernels.fields.pack`), shape (n,).

    With `may_lose_zeros`, five digits are a six-digit code without its leading zero; without `has_total`,
    TOTAL is none of the products.
    """
    found = pa.array(packed).dictionary_encode()
    distinct = found.dictionary.to_numpy()
    letters = np.ascontiguousarray(distinct).view(np.uint8).reshape(-1, 8)
    digits = _VALUES[letters]
    padded = np.zeros(len(distinct), dtype=np.bool_)
    if may_lose_zeros:
        padded = (digits[:, :5] < 10).all(axis=1) & (letters[:, 5:] == 0).all(axis=1)
        digits[padded, 1:6] = digits[padded, :5]
        digits[padded, 0] = 0
    six = (digits[:, :6] != _BAD).all(axis=1) & (digits[:, :2] < 10).all(axis=1)
    six &= padded | (letters[:, 6:] == 0).all(axis=1)
    code = (digits[:, :6].astype(np.int64) * POWERS).sum(axis=1)
    is_total = np.isin(distinct, _PACKED_TOTALS) & has_total
    code[is_total] = TOTAL_CODE
    place = found.indices.to_numpy()
    return Products(code.astype(np.uint32)[place], (six | is_total)[place], padded[place])
