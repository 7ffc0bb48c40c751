"""The similarity matrix of values in memory, without a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minsum.esi.baskets import shares_of
from minsum_kernels import pairwise_min_sum
from minsum_kernels.inputs import checked_shares

if TYPE_CHECKING:
    import numpy.typing as npt


def esi_matrix(values: npt.ArrayLike) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Export Similarity Index of every pair of countries.

    Parameters
    ----------
    values
        Exports, shape (n_countries, n_products), any one unit, finite, not negative.

    Returns
    -------
    ESI, shape (n_countries, n_countries), unit 1, symmetric, in [0, 1]. A country without exports has 0
    everywhere, its diagonal included.

    Raises
    ------
    KernelInputError
        If `values` is not two-dimensional or holds a negative or non-finite value.

    Notes
    -----
    ESI_ir = sum_j min(s_ij, s_rj), s = share of product j: Finger & Kreinin (1979), Economic Journal 89, 905-912.

    Examples
    --------
    >>> esi_matrix([[3, 1, 0], [1, 1, 2]])
    array([[1. , 0.5],
           [0.5, 1. ]])
    """
    return pairwise_min_sum(shares_of(checked_shares(np.asarray(values, dtype=np.float64), "values")))
