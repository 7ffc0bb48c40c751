"""Eight bytes looked at together.

XOR with a repeated byte turns its occurrences to zero; the carry-free test for zero bytes marks them with
their top bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from minsum_kernels.jit import kernel

_ONES = np.uint64(0x0101010101010101)
_LOW = np.uint64(0x7F7F7F7F7F7F7F7F)
_PLACES = np.uint64(0x0001020304050607)
_U1, _U7, _U56 = np.uint64(1), np.uint64(7), np.uint64(56)


@intrinsic
def load(typing_context: Any, text: Any, p: Any) -> Any:  # noqa: ARG001 - the signature is Numba's
    """Eight bytes of a uint8 array from position p, the first one lowest; p + 8 must be inside.

    Two aligned loads and shifts in plain Numba made the field reader a third slower.
    """

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = cgutils.create_struct_proxy(signature.args[0])(context, builder, arguments[0])
        address = builder.gep(array.data, [arguments[1]])
        return builder.load(builder.bitcast(address, ir.IntType(64).as_pointer()), align=1)

    return types.uint64(text, p), codegen


@kernel()
def marks(word: np.uint64, byte: int) -> np.uint64:
    """Top bit of every byte of a word that equals `byte`."""
    x = word ^ (_ONES * np.uint64(byte))
    return ~(((x & _LOW) + _LOW) | x | _LOW)


@kernel()
def first(marked: np.uint64) -> int:
    """Place of the lowest marked byte; some byte must be marked."""
    lowest = marked & (~marked + _U1)
    return np.int64(((lowest >> _U7) * _PLACES) >> _U56)


@kernel()
def count(marked: np.uint64) -> int:
    """How many bytes are marked."""
    return np.int64(((marked >> _U7) * _ONES) >> _U56)
