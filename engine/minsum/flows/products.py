"""Caches product codes of the HS for all files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from minsum.flows.text_repairs import plain_product

_MAX_CACHED: Final = 1 << 17
_Cache = tuple[NDArray[np.int64], pl.Series, pl.Series]


class Products:
    """Codes and levels of plainly written product codes: the same few thousand occur in every file."""

    def __init__(self) -> None:
        # Keys in order, codes and levels: replaced together, so that threads need no lock.
        self._cache: _Cache = np.empty(0, dtype=np.int64), *_plain([])

    def look_up(self, keys: NDArray[np.int64], texts: Callable[[], list[str]]) -> tuple[pl.Series, pl.Series]:
        """Codes (categories) and levels of distinct texts, which are given with their keys. The level is null for a
        text that is not plainly written."""
        known, codes, levels = self._cache
        at = np.searchsorted(known, keys)
        if not (at < len(known)).all() or (known[at] != keys).any():
            if (keys < 0).any():  # long texts
                return _plain(texts())
            known, codes, levels = self._with(keys, texts())
            at = np.searchsorted(known, keys)
        return codes[at], levels[at]

    def _with(self, keys: NDArray[np.int64], texts: list[str]) -> _Cache:
        """The cache with further texts added; started afresh when it is full."""
        known, codes, levels = self._cache
        new_codes, new_levels = _plain(texts)
        if len(known) <= _MAX_CACHED:
            keys = np.append(known, keys)
            new_codes, new_levels = pl.concat([codes, new_codes]), pl.concat([levels, new_levels])
        keys, first = np.unique(keys, return_index=True)
        self._cache = keys, new_codes[first], new_levels[first]
        return self._cache


def _plain(texts: list[str]) -> tuple[pl.Series, pl.Series]:
    """Codes and levels of texts; a text that is not plainly written stays itself, with a null level."""
    plain = [plain_product(text) or (text, None) for text in texts]
    return (
        pl.Series([one[0] for one in plain], dtype=pl.Categorical),
        pl.Series([one[1] for one in plain], dtype=pl.Int8),
    )


PRODUCTS: Final = Products()
"""One cache for all files."""
