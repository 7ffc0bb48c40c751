"""Packs numbers for the page: float64 split by byte, deflated, in base64; the page's script unpacks them."""

from __future__ import annotations

import zlib
from base64 import b64encode

import numpy as np
from numpy.typing import NDArray


def packed(values: NDArray[np.float64]) -> str:
    """Every bit of the values, as text: little-endian, all first bytes, then all second bytes and so on."""
    planes = np.ascontiguousarray(values, dtype="<f8").view(np.uint8).reshape(-1, 8).T
    return b64encode(zlib.compress(np.ascontiguousarray(planes).tobytes(), 9)).decode("ascii")
