"""Tables of pairs from NumPy arrays, without `pyarrow.array`, which imports pandas for them: 0.3 s in a new process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray


def table_of(columns: Mapping[str, NDArray[Any] | pa.Array]) -> pa.Table:
    """The columns in their order."""
    return pa.table(
        {name: one if isinstance(one, pa.Array) else numbers(one) for name, one in columns.items()}
    )


def numbers(values: NDArray[Any], *, missing: NDArray[np.bool_] | None = None) -> pa.Array:
    """Numbers or truth values as they are; null where `missing`."""
    column = pl.Series(values)
    return (column if missing is None else column.zip_with(~pl.Series(missing), pl.Series([None]))).to_arrow()


def labelled(
    positions: NDArray[Any], labels: Sequence[str], *, missing: NDArray[np.bool_] | None = None
) -> pa.DictionaryArray:
    """A word from `labels` for each position; null where `missing`."""
    words = pl.Series(labels, dtype=pl.String).to_arrow().cast(pa.string())
    return pa.DictionaryArray.from_arrays(numbers(positions.astype(np.int32), missing=missing), words)
