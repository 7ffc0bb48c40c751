"""Loops of the dense kernels: baskets of exporters against baskets of references."""

# i exporters, j references, k products, s segments, t tiles

from __future__ import annotations

from minsum_kernels.jit import F64Array, I64Array, kernel

# G min-adds/s of one AVX2 core (16 vector registers), in cache: 2x2 12, 2x4 18, 3x3 21, 3x4 10, 4x4 12.
TILE = 3


@kernel(reassociate=True)
def _fill_tile(
    shares: F64Array,
    references: F64Array,
    tile: tuple[int, int],
    columns: tuple[int, int],
    one: float,
    mirrored: bool,
    out: F64Array,
) -> None:
    """Put into nine cells of `out` the min-sums of three exporters and three references over some products.

    `mirrored`: the references are the exporters, and nine cells more get the same numbers, [j, i] as [i, j].
    Past the last exporter or reference the last one is read again, and its cell gets the same number twice.
    `one` is 1.0, unknown to the compiler: min(u, v) * one + s is then one fused multiply-add, rounded as a
    plain addition and faster where additions share their units with minima (Zen 3: 21 against 12.6 G/s).
    """
    i, j = tile
    first, last = columns
    end_i, end_j = shares.shape[0] - 1, references.shape[0] - 1
    a0 = shares[min(i, end_i), first:last]
    a1 = shares[min(i + 1, end_i), first:last]
    a2 = shares[min(i + 2, end_i), first:last]
    b0 = references[min(j, end_j), first:last]
    b1 = references[min(j + 1, end_j), first:last]
    b2 = references[min(j + 2, end_j), first:last]
    s00 = s10 = s20 = s01 = s11 = s21 = s02 = s12 = s22 = 0.0
    for k in range(a0.size):
        u0, u1, u2 = a0[k], a1[k], a2[k]
        v = b0[k]  # one reference at a time: with all three loaded first, registers spill (18 G/s)
        s00 += min(u0, v) * one
        s10 += min(u1, v) * one
        s20 += min(u2, v) * one
        v = b1[k]
        s01 += min(u0, v) * one
        s11 += min(u1, v) * one
        s21 += min(u2, v) * one
        v = b2[k]
        s02 += min(u0, v) * one
        s12 += min(u1, v) * one
        s22 += min(u2, v) * one
    sums = ((s00, s01, s02), (s10, s11, s12), (s20, s21, s22))
    for row in range(TILE):
        for column in range(TILE):
            m, n = min(i + row, end_i), min(j + column, end_j)
            out[m, n] = sums[row][column]
            if mirrored:
                out[n, m] = sums[row][column]


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

    Each tile reads its rows to the end: six long streams keep the prefetchers busy. Pieces of 256 to 1,308
    products that a core's own cache holds took 12 to 30 % longer (200 countries x 5,225 products).
    """
    for t in range(len(tiles)):
        for s in range(bounds.size - 1):
            columns = (bounds[s], bounds[s + 1])
            _fill_tile(shares, references, (tiles[t, 0], tiles[t, 1]), columns, one, mirrored, out[s])
