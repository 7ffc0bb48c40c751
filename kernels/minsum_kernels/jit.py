"""The one place that decides how kernels are compiled and cached."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
from llvmlite.binding import get_host_cpu_name
from numba.core.codegen import get_host_cpu_features
from numpy.typing import NDArray

F64Array = NDArray[np.float64]
I32Array = NDArray[np.int32]
I64Array = NDArray[np.int64]
# Positions: unsigned, so that compiled code does not test for negative ones.
U32Array = NDArray[np.uint32]
U64Array = NDArray[np.uint64]

Function = TypeVar("Function", bound=Callable[..., Any])


def processor() -> tuple[str, str]:
    """Name and features of the processor that kernels are compiled for, in LLVM's words.

    NUMBA_CPU_NAME and NUMBA_CPU_FEATURES make it another than that of the machine.
    """
    name, features = numba.config.CPU_NAME, numba.config.CPU_FEATURES
    return name or get_host_cpu_name(), get_host_cpu_features() if features is None else features


def kernel() -> Callable[[Function], Function]:
    """Compile a function at its first call and keep the machine code for later processes.

    Returns
    -------
    A decorator. Numba keeps machine code beside the source or, where that cannot be written, in the user's
    cache folder; where neither can be written it lasts as long as the process. No sum is reordered by the compiler.
    """

    def compiled_at_first_call(function: Function) -> Function:
        try:
            dispatcher: Function = numba.njit(cache=True, nogil=True)(function)
        except RuntimeError:
            dispatcher = numba.njit(nogil=True)(function)
        return dispatcher

    return compiled_at_first_call
