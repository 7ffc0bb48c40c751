"""The most min-adds that the threads of this machine can do: what a kernel is held against."""

from __future__ import annotations

from functools import cache
from typing import Any

import numba
import numpy as np

from minsum_kernels.jit import F64Array
from minsum_kernels.threads import in_parts


@cache
def _compiled(*, fused: bool) -> Any:
    """4 KiB of values against eight levels in registers: nothing waits for memory."""

    def total(values: F64Array, levels: F64Array, passes: int, one: float) -> float:
        l0, l1, l2, l3 = levels[0], levels[1], levels[2], levels[3]
        l4, l5, l6, l7 = levels[4], levels[5], levels[6], levels[7]
        s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = 0.0
        for _ in range(passes):
            for k in range(values.size):
                v = values[k]
                s0 += min(v, l0) * one if fused else min(v, l0)
                s1 += min(v, l1) * one if fused else min(v, l1)
                s2 += min(v, l2) * one if fused else min(v, l2)
                s3 += min(v, l3) * one if fused else min(v, l3)
                s4 += min(v, l4) * one if fused else min(v, l4)
                s5 += min(v, l5) * one if fused else min(v, l5)
                s6 += min(v, l6) * one if fused else min(v, l6)
                s7 += min(v, l7) * one if fused else min(v, l7)
        return s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7

    return numba.njit(nogil=True, fastmath={"reassoc", "nsz", "nnan", "contract"})(total)


def min_adds_at_peak(needed: int, *, fused: bool) -> float:
    """Do at least so many min-adds in cache, plain or as fused multiply-adds, on all threads.

    Returns
    -------
    Sum of the minima; checked to be right.
    """
    rng = np.random.default_rng(0)
    values, levels, threads = rng.random(512), rng.random(8), numba.get_num_threads()
    passes = -(-needed // (values.size * levels.size * threads))
    sums = np.zeros(threads)

    def one_thread(first: int, last: int) -> None:
        for thread in range(first, last):
            sums[thread] = _compiled(fused=fused)(values, levels, passes, 1.0)

    in_parts(one_thread, threads, parts=1)
    np.testing.assert_allclose(sums, passes * np.minimum.outer(values, levels).sum())
    return float(sums.sum())
