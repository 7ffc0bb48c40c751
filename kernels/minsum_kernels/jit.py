"""Decides how kernels are compiled and cached; no other module does."""

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
# Indices: unsigned, so that compiled code does not test for negative values.
U32Array = NDArray[np.uint32]
U64Array = NDArray[np.uint64]

Function = TypeVar("Function", bound=Callable[..., Any])


def processor() -> tuple[str, str]:
    """Name and features, as LLVM names them, of the processor that kernels are compiled for.

    NUMBA_CPU_NAME and NUMBA_CPU_FEATURES replace those of the machine.
    """
    name, features = numba.config.CPU_NAME, numba.config.CPU_FEATURES
    return name or get_host_cpu_name(), get_host_cpu_features() if features is None else features


def kernel() -> Callable[[Function], Function]:
    """Compile a function at its first call, and cache the machine code for later processes.

    Returns
    -------
    A decorator. Numba caches machine code beside the source, or in the user's cache folder; if neither is writable, the
    code lasts as long as the process. The compiler reorders no sum.
    """

    def compiled_at_first_call(function: Function) -> Function:
        try:
            dispatcher: Function = numba.njit(cache=True, nogil=True)(function)
        except RuntimeError:
            dispatcher = numba.njit(nogil=True)(function)
        return dispatcher

    return compiled_at_first_call
