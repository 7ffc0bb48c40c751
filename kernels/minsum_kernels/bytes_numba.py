"""Searches eight or sixty-four bytes at a time.

Eight: XOR with a repeated byte turns its occurrences to zero; a carry-free test for zero bytes marks these with their
top bit. Sixty-four: a vector comparison, one bit per byte.
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
    """Eight bytes of a uint8 array from position p, first byte lowest; p + 8 must be inside.

    Two aligned loads and shifts in plain Numba made the field reader a third slower.
    """

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = cgutils.create_struct_proxy(signature.args[0])(context, builder, arguments[0])
        address = builder.gep(array.data, [arguments[1]])
        return builder.load(builder.bitcast(address, ir.IntType(64).as_pointer()), align=1)

    return types.uint64(text, p), codegen


@intrinsic
def get(typing_context: Any, array: Any, index: Any) -> Any:  # noqa: ARG001 - as above
    """Element of a contiguous array. The index must be inside; it is not tested for negative values."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = cgutils.create_struct_proxy(signature.args[0])(context, builder, arguments[0]).data
        return builder.load(builder.gep(data, [arguments[1]]))

    return array.dtype(array, types.int64), codegen


@intrinsic
def put(typing_context: Any, array: Any, index: Any, value: Any) -> Any:  # noqa: ARG001 - as above
    """Set an element; the index as for `get`."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = cgutils.create_struct_proxy(signature.args[0])(context, builder, arguments[0]).data
        builder.store(arguments[2], builder.gep(data, [arguments[1]]))

    return types.void(array, types.int64, array.dtype), codegen


@intrinsic
def equal64(typing_context: Any, text: Any, p: Any, byte: Any) -> Any:  # noqa: ARG001 - as above
    """Which of the 64 bytes from position p equal `byte` (uint8): bit i for byte i; p + 64 must be inside."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = cgutils.create_struct_proxy(signature.args[0])(context, builder, arguments[0])
        vector = ir.VectorType(ir.IntType(8), 64)
        address = builder.gep(array.data, [arguments[1]])
        found = builder.load(builder.bitcast(address, vector.as_pointer()), align=1)
        lone = builder.insert_element(ir.Constant(vector, ir.Undefined), arguments[2], ir.IntType(32)(0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), 64), [0] * 64)
        same = builder.icmp_unsigned("==", found, builder.shuffle_vector(lone, lone, zeros))
        return builder.bitcast(same, ir.IntType(64))

    return types.uint64(text, p, types.uint8), codegen


@intrinsic
def trailing_zeros(typing_context: Any, word: Any) -> Any:  # noqa: ARG001 - as above
    """Index of the lowest set bit; 64 if none is set."""

    def codegen(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.IntType(1)(0))

    return types.uint64(types.uint64), codegen


@intrinsic
def bit_count(typing_context: Any, word: Any) -> Any:  # noqa: ARG001 - as above
    """Number of set bits."""

    def codegen(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), codegen


@kernel()
def marks(word: np.uint64, byte: int) -> np.uint64:
    """Top bit of every byte of a word that equals `byte`."""
    x = word ^ (_ONES * np.uint64(byte))
    return ~(((x & _LOW) + _LOW) | x | _LOW)


@kernel()
def first(marked: np.uint64) -> int:
    """Index of the lowest marked byte; at least one byte must be marked."""
    lowest = marked & (~marked + _U1)
    return np.int64(((lowest >> _U7) * _PLACES) >> _U56)
