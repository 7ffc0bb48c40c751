"""The one place that decides how kernels are compiled, cached and launched."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
from numpy.typing import NDArray

F64Array = NDArray[np.float64]
I32Array = NDArray[np.int32]
I64Array = NDArray[np.int64]
# Positions: unsigned, so that compiled code does not test for negative ones.
U32Array = NDArray[np.uint32]

# Lets the compiler reorder a sum. NaN is excluded by the checks before every launch.
REASSOCIATED = frozenset({"reassoc", "nsz", "nnan", "contract"})

# With one other busy process on 2 cores a launch took 8 ms under OpenMP, whose threads spin while they wait,
# and 0.1 ms under workqueue; OpenMP also aborts in a forked child. What the environment says wins.
if "NUMBA_THREADING_LAYER_PRIORITY" not in os.environ:
    numba.config.THREADING_LAYER_PRIORITY = ["tbb", "workqueue", "omp"]

# workqueue aborts the process when two Python threads launch at once: hold this around every parallel kernel.
launch_lock = threading.Lock()

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(*, parallel: bool = False, reassociate: bool = False) -> Callable[[Function], Function]:
    """Compile a function at its first call and keep the machine code for later processes.

    Parameters
    ----------
    parallel
        Spread its `prange` loops over `numba.get_num_threads()` threads.
    reassociate
        Let the compiler reorder its sums, so that they run in vector registers.

    Returns
    -------
    A decorator. Numba keeps machine code beside the source or, where that cannot be written, in the user's
    cache folder; where neither can be written it lasts as long as the process.
    """
    flags = {"nogil": True, "parallel": parallel, "fastmath": set(REASSOCIATED) if reassociate else False}

    def compiled_at_first_call(function: Function) -> Function:
        try:
            dispatcher: Function = numba.njit(cache=True, **flags)(function)
        except RuntimeError:
            dispatcher = numba.njit(**flags)(function)
        return dispatcher

    return compiled_at_first_call
