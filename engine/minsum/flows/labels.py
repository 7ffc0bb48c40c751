"""Countries written as labels (ISO3 and the like) to Comtrade codes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from minsum.errors import ContradictionError
from minsum_kernels.fields import unpack
from minsum_kernels.rows import GROUP


def country_codes(
    labels: NDArray[np.int64],
    years: NDArray[np.int64],
    code_of: Callable[[str, int], int | None],
    *,
    where: str,
) -> NDArray[np.int64]:
    """Comtrade codes of packed labels, `GROUP` for a group of countries.

    Parameters
    ----------
    labels
        Packed labels (`minsum_kernels.fields.pack`), shape (n,).
    years
        Year of each row, shape (n,): a label may outlive a code.
    code_of
        See `Format.country_code`.
    where
        For the error message: file, line and column.

    Raises
    ------
    ContradictionError
        If a label is unknown.
    """
    pairs, place = np.unique(np.stack([labels, years]), axis=1, return_inverse=True)
    codes = np.empty(pairs.shape[1], dtype=np.int64)
    for index, (packed, year) in enumerate(pairs.T.tolist()):
        label = unpack(packed)
        try:
            code = code_of(label, year)
        except KeyError:
            raise ContradictionError(
                f"{where}: no country is known by {label!r}",
                "correct or remove those rows; groups of countries cannot report",
            ) from None
        codes[index] = GROUP if code is None else code
    return codes[place.ravel()]
