"""Min-sum similarity of export baskets on all cores, and a fast reader of delimited text: NumPy in, NumPy out.

Similarity of two baskets of shares is the sum over products of the smaller share (Finger & Kreinin 1979). The first
call of each function compiles it (seconds) and stores the machine code; later processes load it.
"""

from __future__ import annotations

from minsum_kernels.errors import FieldError, KernelInputError
from minsum_kernels.fields import FieldReader, Lines
from minsum_kernels.markets import market_min_sum
from minsum_kernels.pairs import common_counts, cross_min_sum, pairwise_min_sum, segment_min_sum

__all__ = [
    "FieldError",
    "FieldReader",
    "KernelInputError",
    "Lines",
    "common_counts",
    "cross_min_sum",
    "market_min_sum",
    "pairwise_min_sum",
    "segment_min_sum",
]
