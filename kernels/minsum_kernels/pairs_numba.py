"""Loops of the dense kernels: baskets of exporters against baskets of references."""

# i exporters, j references, k products, s segments, t tiles

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from minsum_kernels.jit import F64Array, I64Array, kernel, processor

# Partial sums of a pair: sum l adds up the products l, l + 4, l + 8 ... of the segment. The code fixes this order, not
# the compiler, so every processor gives the same bits. It costs nothing: see docs/adr/0007.
LANES = 4


@dataclass(frozen=True, slots=True)
class Tile:
    """Size of a block of pairs that are summed together, and how to add.

    Attributes
    ----------
    rows, columns
        Numbers of exporters and references. The rows * columns sums and `rows` + 3 more vectors must fit the registers:
        a sum that is spilled waits for memory at each step, which halves the speed.
    fused
        Add with a multiply-add by 1, rounded as a plain addition. Faster where additions share units with minima (all
        AMD Zen: 26 against 14 G/s), slower where multiply-adds share them (Xeons with AVX-512).
    """

    rows: int
    columns: int
    fused: bool


def best_tile(name: str, features: str) -> Tile:
    """Best tile for a processor, described as by LLVM.

    Parameters
    ----------
    name
        Such as "znver4".
    features
        Such as "+avx2,+fma,-avx512vl".

    Notes
    -----
    G min-adds/s of one core, 200 countries x 5,225 products, on a Zen 4: with 32 registers 4x5 fused 18.6, 4x4 fused
    18.0, 3x3 fused 13.6, 5x5 plain 12.9, 5x5 fused (spills) 12.4; with 16 registers 3x3 fused 13.9, 2x4 fused 12.9,
    3x3 plain 12.1, 3x4 plain 10.0; with SSE2 only 2x2 5.8, 3x3 5.1, 2x3 3.6. On a Xeon with 32: 5x5 plain before 4x4.
    """
    has = set(features.split(","))
    if "+avx512vl" in has:
        return Tile(4, 5, fused=True) if name.startswith("znver") else Tile(5, 5, fused=False)
    return Tile(3, 3, fused="+fma" in has) if "+avx" in has else Tile(2, 2, fused=False)


TILE = best_tile(*processor())
ROWS, COLUMNS = TILE.rows, TILE.columns

_REAL, _WHOLE = ir.DoubleType(), ir.IntType(64)
_VECTOR = ir.VectorType(_REAL, LANES)


def _tile_function(module: ir.Module, tile: Tile) -> ir.Function:
    """Add the function of the innermost loop to a module.

    Arguments: addresses of the tile's exporters and references, number of vectors in each, address of the sums by
    reference and exporter, and 1.0. The compiler must not know that 1.0 is constant: it would make a fused addition
    plain again. Inlining or unrolling would spill registers (half the speed).
    """
    pointer = _REAL.as_pointer()
    inputs = [pointer] * (tile.rows + tile.columns) + [_WHOLE, pointer, _REAL]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), inputs), module.get_unique_name("tile"))
    function.linkage = "internal"
    function.attributes.add("noinline")
    exporters, references = function.args[: tile.rows], function.args[tile.rows : -3]
    n_vectors, out, one = function.args[-3:]
    entry, loop, done = (function.append_basic_block(name) for name in ("entry", "loop", "done"))
    builder = ir.IRBuilder(entry)
    ones = ir.Constant(_VECTOR, ir.Undefined)
    for lane in range(LANES):
        ones = builder.insert_element(ones, one, ir.IntType(32)(lane))
    builder.branch(loop)

    builder.position_at_end(loop)
    step = builder.phi(_WHOLE)
    step.add_incoming(_WHOLE(0), entry)
    before = [builder.phi(_VECTOR) for _ in range(tile.rows * tile.columns)]

    def vector(address: ir.Value) -> ir.Value:
        place = builder.gep(address, [builder.mul(step, _WHOLE(LANES))])
        return builder.load(builder.bitcast(place, _VECTOR.as_pointer()), align=8)

    multiply_add = cgutils.get_or_insert_function(
        module, ir.FunctionType(_VECTOR, [_VECTOR] * 3), f"llvm.fma.v{LANES}f64"
    )
    shares = [vector(address) for address in exporters]
    after: list[ir.Value] = []
    for address in references:
        other = vector(address)
        for share in shares:
            smaller = builder.select(builder.fcmp_ordered("<", share, other), share, other)
            total = before[len(after)]
            fused = tile.fused and builder.call(multiply_add, [smaller, ones, total])
            after.append(fused or builder.fadd(smaller, total))
    for total, more in zip(before, after, strict=True):
        total.add_incoming(ir.Constant(_VECTOR, [0.0] * LANES), entry)
        total.add_incoming(more, loop)
    next_step = builder.add(step, _WHOLE(1))
    step.add_incoming(next_step, loop)
    again = builder.cbranch(builder.icmp_signed("<", next_step, n_vectors), loop, done)
    rolled = module.add_metadata([module.add_metadata(["llvm.loop.unroll.disable"])])
    rolled.operands = (rolled, *rolled.operands)  # LLVM requires loop metadata to refer to itself
    again.set_metadata("llvm.loop", rolled)

    builder.position_at_end(done)
    for cell, total in enumerate(after):
        place = builder.gep(out, [_WHOLE(cell * LANES)])
        builder.store(total, builder.bitcast(place, _VECTOR.as_pointer()), align=8)
    builder.ret_void()
    return function


@intrinsic
def sum_minima(
    typing_context: Any,  # noqa: ARG001 - the signature is Numba's
    shares: Any, references: Any, place: Any, first: Any, n_vectors: Any, one: Any, sums: Any,
) -> Any:  # fmt: skip
    """Fill sums[column, row, lane] of the tile at `place` over the products from `first` on, LANES at a time.

    At least `n_vectors` * LANES products must follow; `n_vectors` is 1 or more. Beyond the last exporter or
    reference, the last one is read again. `one` is 1.0, given as an argument.
    """

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def array(position: int) -> Any:
            return cgutils.create_struct_proxy(signature.args[position])(
                context, builder, arguments[position]
            )

        def addresses(matrix: Any, start: Any, count: int) -> list[Any]:
            n_rows, n_products = cgutils.unpack_tuple(builder, matrix.shape)
            found = []
            for row in range(count):
                number, last = builder.add(start, _WHOLE(row)), builder.sub(n_rows, _WHOLE(1))
                number = builder.select(builder.icmp_signed("<", number, last), number, last)
                position = builder.add(builder.mul(number, n_products), arguments[3])
                found.append(builder.gep(matrix.data, [position]))
            return found

        i, j = cgutils.unpack_tuple(builder, arguments[2])
        rows = addresses(array(0), i, ROWS) + addresses(array(1), j, COLUMNS)
        function = _tile_function(builder.module, TILE)
        builder.call(function, [*rows, arguments[4], array(6).data, arguments[5]])
        return context.get_dummy_value()

    return types.void(shares, references, place, first, n_vectors, one, sums), codegen


@kernel()
def _fill_tile(
    shares: F64Array,
    references: F64Array,
    place: tuple[int, int],
    columns: tuple[int, int],
    one: float,
    mirrored: bool,
    sums: F64Array,
    out: F64Array,
) -> None:
    """Write the min-sums of a tile over some products to the cells of `out` at `place`; `sums` is scratch.

    With `mirrored` the references are the exporters, and [j, i] gets the same value as [i, j]. Beyond the last
    exporter or reference, the last cell is written again.
    """
    first, last = columns
    n_vectors = (last - first) // LANES
    rest = first + n_vectors * LANES
    if n_vectors:
        sum_minima(shares, references, place, first, n_vectors, one, sums)
    else:
        sums[:] = 0.0
    for column in range(COLUMNS):
        n = min(place[1] + column, references.shape[0] - 1)
        for row in range(ROWS):
            m = min(place[0] + row, shares.shape[0] - 1)
            lanes = sums[column, row]
            for k in range(rest, last):
                lanes[k - rest] += min(shares[m, k], references[n, k])
            out[m, n] = (lanes[0] + lanes[2]) + (lanes[1] + lanes[3])
            if mirrored:
                out[n, m] = out[m, n]


@kernel()
def fill_tiles(
    shares: F64Array,
    references: F64Array,
    tiles: I64Array,
    bounds: I64Array,
    one: float,
    mirrored: bool,
    out: F64Array,
) -> None:
    """Fill out[s] tile by tile (first exporter, first reference), over the products of segment s.

    Each tile reads its rows to the end: long streams keep the prefetchers busy. Splitting products into blocks that
    fit a core's cache was slower (200 countries x 5,225 products), and hardly faster with packed blocks.
    """
    sums = np.empty((COLUMNS, ROWS, LANES))
    for t in range(len(tiles)):
        for s in range(bounds.size - 1):
            columns = (bounds[s], bounds[s + 1])
            _fill_tile(shares, references, (tiles[t, 0], tiles[t, 1]), columns, one, mirrored, sums, out[s])
