"""The one place that decides how kernels are compiled and cached."""

from __future__ import annotations

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
U64Array = NDArray[np.uint64]

# Lets the compiler reorder a sum. NaN is excluded by the checks before every launch.
REASSOCIATED = frozenset({"reassoc", "nsz", "nnan", "contract"})

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(*, reassociate: bool = False) -> Callable[[Function], Function]:
    """Compile a function at its first call and keep the machine code for later processes.

    Parameters
    ----------
    reassociate
        Let the compiler reorder its sums, so that they run in vector registers.

    Returns
    -------
    A decorator. Numba keeps machine code beside the source or, where that cannot be written, in the user's
    cache folder; where neither can be written it lasts as long as the process.
    """
    flags = {"nogil": True, "fastmath": set(REASSOCIATED) if reassociate else False}

    def compiled_at_first_call(function: Function) -> Function:
        try:
            dispatcher: Function = numba.njit(cache=True, **flags)(function)
        except RuntimeError:
            dispatcher = numba.njit(**flags)(function)
        return dispatcher

    return compiled_at_first_call
