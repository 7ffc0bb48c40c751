"""Checks arrays for the kernels; the messages of `KernelInputError`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from minsum_kernels.errors import KernelInputError
from minsum_kernels.inputs_numba import count_invalid, find_invalid
from minsum_kernels.jit import F64Array, I32Array, I64Array, U32Array
from minsum_kernels.threads import in_parts

Codes = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class Flows:
    """Checked flows, one entry each, strictly increasing by (market, product, exporter).

    Attributes
    ----------
    market, product
        Codes, shape (n_flows,).
    exporter
        Index of the exporter, below n_exporters, shape (n_flows,).
    share
        Shares, shape (n_flows,), unit 1, finite, not negative.
    n_exporters
        Side of the similarity matrices.
    """

    market: I32Array
    product: I32Array
    exporter: U32Array
    share: F64Array
    n_exporters: int


def checked_shares(values: F64Array, name: str) -> F64Array:
    """Shares in C-order. Raises KernelInputError unless they are a matrix of finite shares of 0 or more."""
    _require_array(values, name, "float64", ("countries", "products"))
    shares = _compiled_layout(values, np.float64)
    invalid = np.zeros(shares.shape[0], dtype=np.int64)
    in_parts(lambda first, last: count_invalid(shares, first, last, invalid), len(shares), parts=1)
    if invalid.any():
        row = int(np.flatnonzero(invalid)[0])
        column = int(np.flatnonzero(~((shares[row] >= 0) & (shares[row] < np.inf)))[0])
        raise KernelInputError(
            f"{name}[{row}, {column}] is {shares[row, column]}, one of {invalid.sum()} bad shares; "
            "expected finite ones of 0 or more: give a missing product 0 and leave out a country without data"
        )
    return shares


def checked_bounds(values: Codes, n_products: int) -> I64Array:
    """Bounds of segments. Raises KernelInputError unless they are in order from 0 to n_products."""
    _require_array(values, "bounds", "integer", ("segments + 1",))
    bounds = [int(bound) for bound in values]
    if not bounds or bounds != sorted(bounds) or bounds[0] < 0 or bounds[-1] > n_products:
        raise KernelInputError(
            f"bounds is {bounds}; expected one or more positions from 0 to {n_products}, not decreasing: "
            "sort the products by segment and give where each segment starts and the last one ends"
        )
    return np.array(bounds, dtype=np.int64)


def checked_flows(market: Codes, product: Codes, exporter: Codes, share: F64Array, n_exporters: int) -> Flows:
    """Flows in the kernels' types. Raises KernelInputError if they are not as `Flows` describes."""
    _require_array(share, "share", "float64", ("flows",))
    if not isinstance(n_exporters, int | np.integer) or n_exporters < 0:
        raise KernelInputError(f"n_exporters is {n_exporters!r}; expected a whole number of 0 or more")
    flows = Flows(
        market=_checked_codes(market, "market", share.size),
        product=_checked_codes(product, "product", share.size),
        exporter=_checked_codes(exporter, "exporter", share.size).view(np.uint32),
        share=_compiled_layout(share, np.float64),
        n_exporters=int(n_exporters),
    )
    columns = (flows.market, flows.product, flows.exporter, flows.share, flows.n_exporters)
    found: list[int] = []
    in_parts(lambda first, last: found.append(find_invalid(*columns, (first, last))), flows.share.size)
    if bad := [f for f in found if f >= 0]:
        raise KernelInputError(_complaint(flows, min(bad)))
    return flows


def _require_array(
    values: object, name: str, element: Literal["float64", "integer"], axes: tuple[str, ...]
) -> None:
    expected = f"expected a NumPy array ({' x '.join(axes)}) of type {element}"
    if not isinstance(values, np.ndarray):
        found = type(values).__name__
        raise KernelInputError(f"{name} is a {found}; {expected}: convert it with numpy.asarray")
    if isinstance(values, np.ma.MaskedArray):
        raise KernelInputError(f"{name} is a masked array; {expected}: fill its masked values first")
    if values.ndim != len(axes):
        raise KernelInputError(f"{name} has shape {values.shape}; {expected}: reshape it")
    fits = {"float64": values.dtype == np.float64, "integer": values.dtype.kind in "iu"}
    if not fits[element]:
        raise KernelInputError(f"{name} has type {values.dtype}; {expected}: convert it with astype")


def _compiled_layout(values: NDArray[Any], dtype: type[np.generic]) -> NDArray[Any]:
    """A view of the array, or a copy if needed, in the layout that kernels are compiled for."""
    plain = np.require(values, dtype, ["C_CONTIGUOUS", "ALIGNED", "ENSUREARRAY"]).view()
    plain.flags.writeable = False
    return plain


def _checked_codes(values: Codes, name: str, n_flows: int) -> I32Array:
    _require_array(values, name, "integer", ("flows",))
    if values.size != n_flows:
        raise KernelInputError(f"{name} has {values.size} entries, share has {n_flows}; expected the same")
    if n_flows and not np.can_cast(values.dtype, np.int32):
        low, high = int(values.min()), int(values.max())
        if low < -(2**31) or high >= 2**31:
            raise KernelInputError(f"{name} goes from {low} to {high}; expected codes of 32 bits: renumber")
    return _compiled_layout(values, np.int32)


def _complaint(flows: Flows, f: int) -> str:
    """Message for the invalid flow f."""
    exporter = int(flows.exporter.view(np.int32)[f])
    if not 0 <= exporter < flows.n_exporters:
        return f"exporter[{f}] is {exporter}; expected 0 to {flows.n_exporters - 1}: renumber"
    if not 0 <= flows.share[f] < np.inf:
        return f"share[{f}] is {flows.share[f]}; expected a finite share of 0 or more: leave out such flows"
    columns = (flows.market, flows.product, flows.exporter)
    before, here = (tuple(int(column[g]) for column in columns) for g in (f - 1, f))
    return (
        f"flow {f} {'repeats' if here == before else 'sorts before'} flow {f - 1}: (market, product, "
        f"exporter) is {here} after {before}; expected each combination once, sorted: add up repeats and sort"
    )
