"""The kernels against closed forms, their naive twins, other programs and the properties of the index."""

from __future__ import annotations

import doctest
import os
import platform
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

import minsum_kernels
import naive
from minsum_kernels import (
    KernelInputError,
    common_counts,
    cross_min_sum,
    jit,
    market_min_sum,
    markets,
    pairs,
    pairwise_min_sum,
    segment_min_sum,
)
from minsum_kernels.pairs_numba import Tile, best_tile
from minsum_kernels.threads import in_parts

F64Array = NDArray[np.float64]

# The first example may have to wait for the compiler.
quickly = settings(deadline=None, max_examples=60)
compiled_only = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="about the compiled code")

PAIRWISE: dict[str, Callable[[F64Array], F64Array]] = {
    "kernel": pairwise_min_sum,
    "cross kernel": lambda shares: cross_min_sum(shares, shares.copy()),
    "segment kernel": lambda shares: segment_min_sum(shares, shares, np.array([0, shares.shape[1]]))[0],
    "naive": naive.pairwise_min_sum,
    "broadcast": lambda shares: np.minimum(shares[:, None], shares[None]).sum(axis=2),
    "half L1 distance": lambda shares: 1 - cdist(shares, shares, "cityblock") / 2,
}
every_implementation = pytest.mark.parametrize("implementation", PAIRWISE.values(), ids=PAIRWISE.keys())


def shares_of(values: NDArray[Any]) -> F64Array:
    """Rows divided by their sums; a row of zeros stays."""
    totals = values.sum(axis=1, keepdims=True)
    return np.divide(values, totals, out=np.zeros(values.shape), where=totals > 0)


def random_shares(n_countries: int, n_products: int, seed: int = 0) -> F64Array:
    """Heavy-tailed baskets of which half the products are missing."""
    rng = np.random.default_rng(seed)
    shape = (n_countries, n_products)
    return shares_of(rng.lognormal(0, 2.5, shape) * (rng.random(shape) < 0.5))


baskets = arrays(np.int64, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(0, 20)).map(
    shares_of
)


@every_implementation
@pytest.mark.parametrize(("few", "many"), [(1, 1), (1, 4), (3, 4), (5, 40)])
def test_equal_shares_of_nested_baskets_give_the_ratio_of_their_sizes(
    implementation: Callable[[F64Array], F64Array], few: int, many: int
) -> None:
    values = np.zeros((2, 50))
    values[0, :few] = 1
    values[1, :many] = 1
    assert implementation(shares_of(values))[0, 1] == pytest.approx(few / many, rel=1e-14)


@every_implementation
def test_geometric_baskets_shifted_by_one_product(implementation: Callable[[F64Array], F64Array]) -> None:
    # s_k = q^k (1 - q): the shifted basket is q times smaller wherever both are present, so S = q.
    q = 0.9
    basket = (1 - q) * q ** np.arange(600)
    shares = np.stack([np.append(basket, 0), np.append(0, basket)])
    assert implementation(shares)[0, 1] == pytest.approx(q, rel=1e-13)


@every_implementation
@pytest.mark.parametrize("n_countries", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("n_products", [1, 3, 4, 17, 33])
def test_pairwise_equals_its_naive_twin(
    implementation: Callable[[F64Array], F64Array], n_countries: int, n_products: int
) -> None:
    values = np.random.default_rng(n_countries).lognormal(0, 2.5, (n_countries, n_products))
    shares = shares_of(values)
    np.testing.assert_allclose(
        implementation(shares), naive.pairwise_min_sum(shares), rtol=0, atol=1e-13, strict=True
    )


@pytest.mark.parametrize("n_products", [0, 1, 3, 4, 7, 8, 33])
def test_sums_have_the_bits_of_plain_additions_in_the_promised_order(n_products: int) -> None:
    shares, references = random_shares(7, 33)[:, :n_products], random_shares(11, 33, seed=1)[:, :n_products]
    expected = [[naive.min_sum_in_order(share, other) for other in references] for share in shares]
    assert cross_min_sum(shares, references).tolist() == expected
    assert pairwise_min_sum(references).tolist() == [
        [naive.min_sum_in_order(one, other) for other in references] for one in references
    ]


@pytest.mark.parametrize(
    ("name", "features", "tile"),
    [
        ("znver4", "+avx2,+fma,+avx512vl", Tile(4, 5, fused=True)),
        ("sapphirerapids", "+avx,+fma,+avx512f,+avx512vl", Tile(5, 5, fused=False)),
        ("skylake", "+avx,+avx2,+fma,-avx512vl", Tile(3, 3, fused=True)),
        ("sandybridge", "+avx,-avx2,-fma", Tile(3, 3, fused=False)),
        ("generic", "", Tile(2, 2, fused=False)),
    ],
)
def test_the_tile_is_that_of_the_processors_registers(name: str, features: str, tile: Tile) -> None:
    assert best_tile(name, features) == tile


@pytest.mark.parametrize(("n_countries", "n_references"), [(1, 5), (5, 1), (3, 3), (4, 7), (8, 2)])
def test_cross_equals_its_naive_twin(n_countries: int, n_references: int) -> None:
    shares, references = random_shares(n_countries, 41), random_shares(n_references, 41, seed=1)
    expected = naive.cross_min_sum(shares, references)
    np.testing.assert_allclose(cross_min_sum(shares, references), expected, rtol=0, atol=1e-13, strict=True)


@quickly
@given(baskets)
def test_similarity_is_symmetric_with_row_sums_on_the_diagonal_and_bounded_by_them(shares: F64Array) -> None:
    similarity = pairwise_min_sum(shares)
    assert (similarity == similarity.T).all()
    np.testing.assert_allclose(np.diag(similarity), shares.sum(axis=1), rtol=0, atol=1e-14)
    assert (similarity >= 0).all()
    assert (similarity <= np.minimum.outer(np.diag(similarity), np.diag(similarity))).all()


@quickly
@given(baskets)
def test_similarity_is_one_minus_half_the_l1_distance(shares: F64Array) -> None:
    shares = shares[shares.sum(axis=1) > 0]
    expected = PAIRWISE["half L1 distance"](shares) if len(shares) else np.empty((0, 0))
    np.testing.assert_allclose(pairwise_min_sum(shares), expected, rtol=0, atol=1e-14)


@quickly
@given(baskets, st.randoms(use_true_random=False))
def test_similarity_follows_the_order_of_countries_and_ignores_that_of_products(
    shares: F64Array, random: Any
) -> None:
    countries, products = list(range(shares.shape[0])), list(range(shares.shape[1]))
    random.shuffle(countries)
    random.shuffle(products)
    similarity = pairwise_min_sum(shares)
    assert (pairwise_min_sum(shares[countries]) == similarity[np.ix_(countries, countries)]).all()
    np.testing.assert_allclose(pairwise_min_sum(shares[:, products]), similarity, rtol=0, atol=1e-14)


@quickly
@given(baskets, st.integers(-30, 30))
def test_scaling_all_values_scales_the_sums(shares: F64Array, exponent: int) -> None:
    # A power of two is exact, so nothing but the exponent of the result may change.
    scaled = pairwise_min_sum(shares * 2.0**exponent)
    assert (scaled == pairwise_min_sum(shares) * 2.0**exponent).all()


@quickly
@given(baskets)
def test_identical_baskets_give_one_and_disjoint_ones_zero(shares: F64Array) -> None:
    shares = shares[shares.sum(axis=1) > 0]
    nothing = np.zeros(shares.shape)
    twins = cross_min_sum(shares, shares.copy())
    np.testing.assert_allclose(np.diag(twins), 1, rtol=0, atol=1e-14)
    assert not cross_min_sum(np.hstack([shares, nothing]), np.hstack([nothing, shares])).any()


@quickly
@given(baskets, st.integers(0, 5))
def test_products_nobody_exports_change_nothing(shares: F64Array, n_more: int) -> None:
    more = np.hstack([shares, np.zeros((shares.shape[0], n_more))])
    np.testing.assert_allclose(pairwise_min_sum(more), pairwise_min_sum(shares), rtol=0, atol=1e-15)


def test_a_pair_has_the_same_bits_in_any_company() -> None:
    shares = random_shares(11, 203)
    alone = pairwise_min_sum(shares[[2, 9]])[0, 1]
    assert alone == pairwise_min_sum(shares)[2, 9] == cross_min_sum(shares[9:], shares[:4])[0, 2]


@quickly
@given(baskets, st.data())
def test_segments_equal_their_naive_twin_and_add_up(shares: F64Array, data: st.DataObject) -> None:
    n_products = shares.shape[1]
    inner = data.draw(st.lists(st.integers(0, n_products), max_size=4).map(sorted))
    bounds = [0, *inner, n_products]
    contributions = segment_min_sum(shares, shares, np.array(bounds))
    expected = naive.segment_min_sum(shares, shares, bounds)
    np.testing.assert_allclose(contributions, expected, rtol=0, atol=1e-13, strict=True)
    np.testing.assert_allclose(contributions.sum(axis=0), pairwise_min_sum(shares), rtol=0, atol=1e-13)


def test_segments_against_references_need_not_cover_all_products() -> None:
    shares, references, bounds = random_shares(4, 30), random_shares(2, 30, seed=1), [3, 3, 11, 29]
    expected = naive.segment_min_sum(shares, references, bounds)
    result = segment_min_sum(shares, references, np.array(bounds, dtype=np.uint8))
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-13, strict=True)


@quickly
@given(baskets)
def test_common_counts_equal_their_naive_twin(shares: F64Array) -> None:
    expected = naive.common_counts(shares, shares)
    np.testing.assert_array_equal(common_counts(shares), expected, strict=True)
    np.testing.assert_array_equal(common_counts(shares, shares[:2]), expected[:, :2], strict=True)


flow_tables = st.dictionaries(
    st.tuples(st.integers(-2, 5), st.integers(0, 6), st.integers(0, 8)), st.floats(0, 1), max_size=60
)


def as_columns(flows: dict[tuple[int, int, int], float]) -> tuple[NDArray[Any], ...]:
    """Market, product, exporter and share, sorted."""
    keys = np.array(sorted(flows), dtype=np.int64).reshape(-1, 3)
    return *keys.T, np.array([flows[key] for key in sorted(flows)], dtype=np.float64)


@quickly
@given(flow_tables, st.sampled_from([1, 1000, markets.BATCH_BYTES]))
def test_markets_equal_their_naive_twin(flows: dict[tuple[int, int, int], float], batch_bytes: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(markets, "BATCH_BYTES", batch_bytes)
        computed = list(market_min_sum(*as_columns(flows), 9))
    expected = list(naive.market_min_sum(flows, 9))
    assert [market for market, _ in computed] == [market for market, _ in expected]
    for (_, similarity), (_, twin) in zip(computed, expected, strict=True):
        np.testing.assert_allclose(similarity, twin, rtol=0, atol=1e-13, strict=True)
        assert (similarity == similarity.T).all()


def test_one_market_with_all_products_is_the_pairwise_similarity() -> None:
    shares = random_shares(13, 40)
    product, exporter = np.nonzero(shares.T)
    flows = np.zeros(product.size, np.int32), product, exporter, shares.T[product, exporter], 13
    [(market, similarity)] = market_min_sum(*flows)
    assert market == 0
    np.testing.assert_allclose(similarity, pairwise_min_sum(shares), rtol=0, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.uint32, np.int64, np.uint64])
def test_codes_of_any_integer_type_and_layout(dtype: type[np.integer[Any]]) -> None:
    codes = np.array([[1, 10, 0], [1, 10, 2], [4, 7, 1]], dtype=dtype)  # columns are strided
    markets_seen = dict(market_min_sum(*codes.T, np.array([0.5, 0.25, 1.0]), 3))
    assert {market: matrix.tolist() for market, matrix in markets_seen.items()} == {
        1: [[0.5, 0, 0.25], [0, 0, 0], [0.25, 0, 0.25]],
        4: [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
    }


def test_memory_stays_at_a_few_batches_however_many_markets(monkeypatch: pytest.MonkeyPatch) -> None:
    n_exporters, n_markets = 50, 200
    monkeypatch.setattr(markets, "BATCH_BYTES", 10 * 8 * n_exporters**2)
    market = np.arange(n_markets)
    nothing = np.zeros(n_markets, dtype=np.int64)
    seen = 0
    tracemalloc.start()
    for _ in market_min_sum(market, nothing, nothing, np.ones(n_markets), n_exporters):
        seen += 1
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seen == n_markets
    assert peak < 3 * markets.BATCH_BYTES


def test_empty_and_degenerate_baskets() -> None:
    assert pairwise_min_sum(np.empty((0, 5))).shape == (0, 0)
    assert pairwise_min_sum(np.empty((3, 0))).tolist() == np.zeros((3, 3)).tolist()
    assert pairwise_min_sum(np.zeros((4, 6))).tolist() == np.zeros((4, 4)).tolist()
    assert pairwise_min_sum(np.ones((4, 1))).tolist() == np.ones((4, 4)).tolist()
    assert pairwise_min_sum(np.array([[-0.0, 1.0]])).tolist() == [[1.0]]
    assert cross_min_sum(np.ones((2, 3)), np.empty((0, 3))).shape == (2, 0)
    assert segment_min_sum(np.ones((2, 3)), np.ones((1, 3)), np.array([0])).shape == (0, 2, 1)
    assert common_counts(np.zeros((2, 3))).tolist() == [[0, 0], [0, 0]]
    no_codes = np.empty(0, np.int64)
    assert list(market_min_sum(no_codes, no_codes, no_codes, np.empty(0), 0)) == []


@pytest.mark.parametrize(
    "relayout",
    [
        np.asfortranarray,
        lambda shares: np.repeat(shares, 2, axis=1)[:, ::2],
        lambda shares: shares[::-1][::-1],
        lambda shares: np.ndarray(shares.shape, np.float64, b"\0" + shares.tobytes(), offset=1),
    ],
    ids=["fortran", "strided", "reversed twice", "unaligned and read-only"],
)
def test_any_memory_layout_gives_the_same_bits_and_is_left_alone(
    relayout: Callable[[F64Array], F64Array],
) -> None:
    shares = random_shares(5, 12)
    other = relayout(shares)
    assert (pairwise_min_sum(other) == pairwise_min_sum(shares)).all()
    assert (other == shares).all()
    assert shares.flags.writeable


@compiled_only
def test_every_layout_runs_the_same_compiled_code() -> None:
    shares = random_shares(2, 3)
    read_only = shares.copy()
    read_only.flags.writeable = False
    for layout in (shares, read_only, np.asfortranarray(shares), shares[:1], shares[:0], shares[:, :1]):
        cross_min_sum(layout, layout)
    assert len(pairs.fill_tiles.signatures) == 1


def with_one(value: float) -> F64Array:
    """A matrix of ones but for one entry."""
    shares = np.ones((3, 4))
    shares[1, 2] = value
    return shares


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        (with_one(np.nan), r"shares\[1, 2\] is nan, one of 1 bad shares; expected finite ones of 0 or more"),
        (with_one(np.inf), r"shares\[1, 2\] is inf"),
        (with_one(-1e-300), r"shares\[1, 2\] is -1e-300"),
        (np.full((2, 2), -np.inf), r"shares\[0, 0\] is -inf, one of 4 bad shares"),
        (np.ones(3), r"shares has shape \(3,\); expected a NumPy array \(countries x products\)"),
        (np.ones((2, 2, 2)), r"shares has shape \(2, 2, 2\)"),
        (np.ones((2, 2), np.float32), r"shares has type float32; .* of type float64: convert it with astype"),
        (np.ones((2, 2), np.int64), "shares has type int64"),
        (np.ones((2, 2), ">f8"), "shares has type >f8"),
        ([[1.0, 0.0]], "shares is a list; .* convert it with numpy.asarray"),
        (np.ma.masked_equal(np.ones((2, 2)), 1.0), "shares is a masked array; .* fill its masked values"),
    ],
)
@pytest.mark.parametrize("function", [pairwise_min_sum, common_counts])
def test_bad_shares_are_refused_by_name(function: Callable[[Any], Any], shares: Any, message: str) -> None:
    with pytest.raises(KernelInputError, match=message):
        function(shares)


def test_bad_sides_and_bounds_are_refused_by_name() -> None:
    ones = np.ones((2, 4))
    with pytest.raises(KernelInputError, match=r"shares has 4 products, references has 3; expected the same"):
        cross_min_sum(ones, np.ones((2, 3)))
    with pytest.raises(KernelInputError, match=r"references\[1, 2\] is nan"):
        cross_min_sum(ones, with_one(np.nan))
    for bounds in ([], [0, 5], [-1, 4], [0, 3, 2, 4]):
        with pytest.raises(KernelInputError, match=r"bounds is \[.*\]; expected one or more positions"):
            segment_min_sum(ones, ones, np.array(bounds, dtype=np.int64))
    with pytest.raises(KernelInputError, match=r"bounds has type float64; .* of type integer"):
        segment_min_sum(ones, ones, np.array([0.0, 4.0]))


GOOD_FLOWS: dict[str, Any] = {
    "market": np.array([1, 1, 1, 2]),
    "product": np.array([5, 5, 7, 5]),
    "exporter": np.array([0, 1, 0, 1]),
    "share": np.array([0.5, 1.0, 0.5, 1.0]),
    "n_exporters": 2,
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"exporter": np.array([0, 2, 0, 1])}, r"exporter\[1\] is 2; expected 0 to 1: renumber"),
        ({"exporter": np.array([0, -1, 0, 1])}, r"exporter\[1\] is -1; expected 0 to 1"),
        ({"n_exporters": 0}, r"exporter\[0\] is 0; expected 0 to -1"),
        ({"n_exporters": -1}, "n_exporters is -1; expected a whole number of 0 or more"),
        ({"n_exporters": 2.0}, r"n_exporters is 2\.0; expected a whole number"),
        ({"share": np.array([0.5, np.nan, 0.5, 1.0])}, r"share\[1\] is nan; expected a finite share"),
        ({"share": np.array([0.5, 1.0, 0.5, -0.1])}, r"share\[3\] is -0\.1; expected a finite share"),
        ({"share": np.array([0.5, 1.0, np.inf, 1.0])}, r"share\[2\] is inf"),
        ({"share": np.ones(4, np.float32)}, "share has type float32"),
        ({"share": np.ones((2, 2))}, r"share has shape \(2, 2\)"),
        ({"product": np.array([5, 5, 7])}, "product has 3 entries, share has 4; expected the same"),
        ({"product": np.array([5.0, 5, 7, 5])}, "product has type float64; .* of type integer"),
        ({"product": np.array([5, 5, 7, 2**31])}, "product goes from 5 to 2147483648; expected codes of 32"),
        ({"market": np.array(["a", "b", "c", "d"])}, "market has type <U1"),
        ({"market": [1, 1, 1, 2]}, "market is a list"),
        ({"market": np.array([2, 1, 1, 2])}, r"flow 1 sorts before .* is \(1, 5, 1\) after \(2, 5, 0\)"),
        ({"product": np.array([5, 5, 4, 5])}, r"flow 2 sorts before .* is \(1, 4, 0\) after \(1, 5, 1\)"),
        ({"exporter": np.array([1, 0, 0, 1])}, "flow 1 sorts before flow 0"),
        ({"exporter": np.array([1, 1, 0, 1])}, "flow 1 repeats flow 0: .* add up repeats and sort"),
    ],
)
def test_bad_flows_are_refused_by_name_before_the_first_step(change: dict[str, Any], message: str) -> None:
    list(market_min_sum(**GOOD_FLOWS))
    with pytest.raises(KernelInputError, match=message):
        market_min_sum(**GOOD_FLOWS | change)


def run_python(code: str, **environment: str) -> str:
    """Run code in a new process that sees the same packages; return what it prints."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=os.environ | {"PYTHONPATH": path} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,  # a child that waits for threads it has not waits for ever
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


BITS = """
import hashlib, numba, numpy as np
from minsum_kernels import common_counts, cross_min_sum, market_min_sum, pairwise_min_sum
rng = np.random.default_rng(5)
shares = rng.lognormal(0, 2, (32, 701)) * (rng.random((32, 701)) < 0.5)
market, product, exporter = np.nonzero(rng.random((9, 60, 32)) < 0.3)
share = rng.random(market.size)
for threads in (1, 2, 7):
    numba.set_num_threads(threads)
    results = [pairwise_min_sum(shares), cross_min_sum(shares[:20], shares[20:]), common_counts(shares)]
    results += [matrix for _, matrix in market_min_sum(market, product, exporter, share, 32)]
    print(hashlib.sha256(b"".join(matrix.tobytes() for matrix in results)).hexdigest())
"""


# What less than this machine may have: AVX2 without AVX-512, AVX without fused additions, the least of all.
PROCESSORS = [{}, {"NUMBA_CPU_NAME": "generic"}]
if platform.machine() in ("x86_64", "AMD64") and "+avx2" in jit.processor()[1].split(","):
    PROCESSORS += [
        {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma"},
        {"NUMBA_CPU_NAME": "sandybridge", "NUMBA_CPU_FEATURES": "+avx"},
    ]


@pytest.mark.slow
def test_bits_depend_neither_on_the_number_of_threads_nor_on_the_processor() -> None:
    digests = [run_python(BITS, NUMBA_NUM_THREADS="7", **processor).split() for processor in PROCESSORS]
    assert all(len(one) == 3 for one in digests)
    assert len({digest for one in digests for digest in one}) == 1


ALL_AT_ONCE = """
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from minsum_kernels import pairwise_min_sum
shares = np.random.default_rng(5).random((60, 500))
expected = pairwise_min_sum(shares)
with ThreadPoolExecutor(8) as pool:
    assert all((result == expected).all() for result in pool.map(pairwise_min_sum, [shares] * 200))
"""


@pytest.mark.slow
@compiled_only
def test_callers_may_use_several_threads_of_their_own() -> None:
    run_python(ALL_AT_ONCE, NUMBA_NUM_THREADS="4")


FORKED = """
import multiprocessing, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of every fork beside threads
import numpy as np
from minsum_kernels import pairwise_min_sum
shares = np.random.default_rng(5).random((60, 500))
expected = pairwise_min_sum(shares)
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert all((result == expected).all() for result in pool.map(pairwise_min_sum, [shares] * 4))
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_forked_children_start_threads_of_their_own() -> None:
    run_python(FORKED, NUMBA_NUM_THREADS="4")


@pytest.mark.parametrize("n_items", [0, 1, 2, 3, 50])
@pytest.mark.parametrize("n_threads", [1, 2])
def test_parts_are_all_items_once(n_items: int, n_threads: int) -> None:
    n_threads = min(n_threads, numba.config.NUMBA_NUM_THREADS)
    before = numba.get_num_threads()
    taken: list[int] = []
    try:
        numba.set_num_threads(n_threads)
        in_parts(lambda first, last: taken.extend(range(first, last)), n_items)
    finally:
        numba.set_num_threads(before)
    assert sorted(taken) == list(range(n_items))


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="needs a second thread")
def test_an_error_in_another_threads_part_is_the_callers() -> None:
    caller, failed = threading.current_thread(), threading.Event()

    def fail_elsewhere(first: int, last: int) -> None:
        if threading.current_thread() is not caller:
            failed.set()
            raise RuntimeError(f"part from {first} to {last}")
        assert failed.wait(60)

    with pytest.raises(RuntimeError, match="part from"):
        in_parts(fail_elsewhere, 100)


COLD_OR_WARM = """
import sys
import minsum_kernels, numpy as np
from minsum_kernels.pairs_numba import fill_tiles
assert not fill_tiles.signatures, "compiled by the import"
minsum_kernels.pairwise_min_sum(np.ones((2, 2)))
print(sum(fill_tiles.stats.cache_hits.values()), sum(fill_tiles.stats.cache_misses.values()))
"""


@pytest.mark.slow
@compiled_only
def test_machine_code_survives_between_processes(tmp_path: Path) -> None:
    cold, warm = (run_python(COLD_OR_WARM, NUMBA_CACHE_DIR=str(tmp_path)).split() for _ in range(2))
    assert (cold, warm) == (["0", "1"], ["1", "0"])


@compiled_only
def test_kernels_compile_where_nothing_can_be_cached() -> None:
    namespace: dict[str, Any] = {}
    exec(compile("def double(x): return 2 * x", "<no file>", "exec"), namespace)
    assert jit.kernel()(namespace["double"])(21) == 42


MANY_ROWS = ("batches_are_filled", "many_distinct", "nearest_float", "digits_of_every_length")


@pytest.mark.slow
@compiled_only
def test_the_loops_do_the_same_uncompiled_and_stay_within_their_arrays() -> None:
    here = Path(__file__).parent
    chosen = ["-m", "not slow", "-k", " and ".join(f"not {name}" for name in MANY_ROWS)]
    files = [str(here / "test_kernels.py"), str(here / "test_fields.py")]
    arguments = ["-q", "-p", "uncompiled", "-p", "no:cacheprovider", *chosen, *files]
    code = f"import pytest, sys; sys.exit(pytest.main({arguments!r}))"
    assert " passed" in run_python(code, NUMBA_DISABLE_JIT="1")


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(pairs).attempted == 1
    assert doctest.testmod(pairs).failed == 0


def test_public_surface() -> None:
    assert minsum_kernels.__all__ == sorted(minsum_kernels.__all__, key=lambda name: (name.islower(), name))
    assert all(getattr(minsum_kernels, name).__doc__ for name in minsum_kernels.__all__)
    assert issubclass(KernelInputError, ValueError)
