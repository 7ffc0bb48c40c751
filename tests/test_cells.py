"""Loops over the cells of a reporter-year against their naive twins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minsum.flows.codes import ROW, TOTAL_CODE, decode_products, encode_products
from minsum_kernels.cells import cell_grid, order_cells, rank_codes

codes = st.lists(st.integers(0, 2**32 - 2), max_size=40)
cells = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 9), st.integers(0, 4), st.integers(0, 2)), max_size=60
)


def rows_of(found: list[tuple[int, int, int, int]]) -> np.ndarray:
    """Rows as ingest holds them, each with a value of its own."""
    rows = np.zeros(len(found), dtype=ROW)
    for name, column in zip(
        ("flow", "partner", "product", "breakdown"), zip(*found, strict=True), strict=False
    ):
        rows[name] = column
    rows["value"] = np.random.default_rng(5).lognormal(size=len(rows))
    return rows


@settings(deadline=None)
@given(codes, st.integers(0, 2**32 - 2))
def test_codes_give_way_to_their_ranks(found: list[int], always: int) -> None:
    given_codes = np.array(found, dtype=np.uint32)
    ranks = given_codes.copy()
    ranked = rank_codes(ranks, always=always)
    assert ranked.tolist() == sorted({*found, always})
    assert ranked[ranks].tolist() == found


@pytest.mark.parametrize("n_codes", [8_191, 8_192, 8_193, 50_000])
def test_any_number_of_different_codes(n_codes: int) -> None:
    rng = np.random.default_rng(n_codes)
    distinct = rng.choice(2**31, n_codes, replace=False).astype(np.uint32)
    rows = np.zeros(3 * n_codes, dtype=ROW)
    rows["product"] = rng.permutation(np.tile(distinct, 3))
    expected, ranks = np.unique(rows["product"], return_inverse=True)
    ranked = rank_codes(rows["product"], always=int(distinct[0]))
    assert ranked.dtype == np.uint32
    assert np.array_equal(ranked, expected)
    assert np.array_equal(rows["product"], ranks)


@settings(deadline=None)
@given(cells)
def test_rows_in_order_of_their_cells_and_parts_without_a_whole(
    found: list[tuple[int, int, int, int]],
) -> None:
    rows = rows_of(found)
    kept, orphans, n_repeats = order_cells(
        rows["flow"], rows["partner"], rows["product"], breakdown=rows["breakdown"], n_products=5
    )
    in_order = sorted(range(len(found)), key=lambda n: found[n][:3])
    wholes = {one[:3] for one in found if one[3] == 0}
    assert kept.tolist() == [n for n in in_order if found[n][3] == 0]
    assert n_repeats == len(kept) - len(wholes)
    assert orphans.tolist() == [n for n in in_order if found[n][3] != 0 and found[n][:3] not in wholes]


@settings(deadline=None)
@given(cells)
def test_a_grid_holds_world_and_the_sum_of_partners(found: list[tuple[int, int, int, int]]) -> None:
    rows = rows_of(found)
    grid = cell_grid(rows["flow"], rows["partner"], rows["product"], rows["value"], shape=(4, 5))
    world, partners = np.full((4, 5), np.nan), np.zeros((4, 5))
    for (flow, partner, product, _), value in zip(found, rows["value"].tolist(), strict=True):
        if partner == 0:
            world[flow, product] = value
        else:
            partners[flow, product] += value
    assert np.array_equal(grid.world, world, equal_nan=True)
    assert np.array_equal(grid.partners, partners)
    assert np.array_equal(grid.has_partners, partners > 0)
    assert grid.cell_of.tolist() == [5 * flow + product for flow, _, product, _ in found]


def test_product_codes_there_and_back() -> None:
    texts = ["000000", "010121", "9999AA", "99ZZZZ", "TOTAL"]
    numbers = encode_products(texts)
    assert numbers[-1] == TOTAL_CODE
    assert [text.decode() for text in decode_products(numbers)] == texts
