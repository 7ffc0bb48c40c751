"""Flows, products and row rules as small integers, and back; a flow is its position in `schema.FLOWS`.

Integers of these codings sort as their texts do, so one integer key orders a whole file.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

RULES: Final = ("kept", "flow", "partner2", "customs", "mot", "mos", "level", "value", "zero", "partner")
"""Row rules in the order they apply; a removed row counts under the first that removes it."""

COMPONENT_RULES: Final = (2, 5)
"""First and last position in `RULES` of the rules that remove the parts of a total."""

TOTAL: Final = "TOTAL"
TOTAL_CODE: Final = 36**6
"""All products together; sorts after every six-character code, as its text does."""

ROW: Final = np.dtype(
    [
        ("product", "<u4"),
        ("partner", "<i4"),
        ("value", "<f8"),
        ("mot", "<i4"),
        ("part", "<u4"),
        ("flow", "u1"),
        ("breakdown", "u1"),
    ]
)
"""One row between reading and building, 26 bytes. `breakdown` has a bit per component rule that the row
is a part of (0 for a total row); `mot` and `part`, which tells the parts of one breakdown apart, matter only
for parts."""

FIGURED_ROW: Final = np.dtype(
    [*ROW.descr, ("net_weight", "<f8"), ("quantity", "<f8"), ("quantity_unit", "<i2")]
)
"""The same with the figures of `flows.figures`, 44 bytes: NaN, and `figures.NO_UNIT`, for none."""


def encode_products(codes: list[str]) -> NDArray[np.uint32]:
    """Product codes as integers: six characters in base 36, `TOTAL` above all of them."""
    return np.array([TOTAL_CODE if code == TOTAL else int(code, 36) for code in codes], dtype=np.uint32)


_DIGITS: Final = np.frombuffer(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", dtype=np.uint8)
POWERS: Final = 36 ** np.arange(5, -1, -1, dtype=np.int64)
"""Place values of a six-character code."""


def decode_products(products: NDArray[np.uint32]) -> NDArray[np.bytes_]:
    """Inverse of `encode_products`, as ASCII."""
    letters = _DIGITS[products.astype(np.int64)[:, None] // POWERS % 36]
    codes: NDArray[np.bytes_] = np.ascontiguousarray(letters).view("S6").ravel()
    codes[products == TOTAL_CODE] = TOTAL.encode()
    return codes


_RESIDUAL_HEADING: Final = int("9999", 36)


def is_residual(products: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Whether codes stand for confidential or unspecified trade (9999 and two more characters)."""
    return np.equal(products // 36**2, _RESIDUAL_HEADING)


def sort_key(
    flow: NDArray[np.uint8], partner: NDArray[np.int32], product: NDArray[np.uint32]
) -> NDArray[np.int64]:
    """One integer per row whose order is (flow, partner_code, product_code)."""
    return (flow.astype(np.int64) << 52) | (partner.astype(np.int64) << 32) | product


MAX_PARTNER: Final = 2**20 - 1
"""Largest partner code that fits `sort_key`; Comtrade's have at most three digits."""


def partition_of(number: int) -> tuple[str, int, int]:
    """Classification, year and reporter code of a partition number, an integer that sorts as they do."""
    return f"H{number // 10**11}", number // 10**7 % 10**4, number % 10**7
