"""Product codes of the HS as frames hold them, remembered for all files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from minsum.flows.text_repairs import plain_product

_MAX_KNOWN: Final = 1 << 17
_Known = tuple[NDArray[np.int64], pl.Series, pl.Series]


class Products:
    """What plainly written product codes stand for: the same few thousand occur in each file."""

    def __init__(self) -> None:
        # Words in order, codes and levels: replaced as a whole, so that threads need no lock.
        self._known: _Known = np.empty(0, dtype=np.int64), *_plain([])

    def look_up(
        self, words: NDArray[np.int64], texts: Callable[[], list[str]]
    ) -> tuple[pl.Series, pl.Series]:
        """Codes (categories) and levels of distinct texts and their words; a text of no level is not plainly written."""
        known, codes, levels = self._known
        at = np.searchsorted(known, words)
        if not (at < len(known)).all() or (known[at] != words).any():
            if (words < 0).any():  # texts that no word holds
                return _plain(texts())
            known, codes, levels = self._with(words, texts())
            at = np.searchsorted(known, words)
        return codes[at], levels[at]

    def _with(self, words: NDArray[np.int64], texts: list[str]) -> _Known:
        """What is known, with further texts; it begins anew where that is too much."""
        known, codes, levels = self._known
        new_codes, new_levels = _plain(texts)
        if len(known) <= _MAX_KNOWN:
            words = np.append(known, words)
            new_codes, new_levels = pl.concat([codes, new_codes]), pl.concat([levels, new_levels])
        words, first = np.unique(words, return_index=True)
        self._known = words, new_codes[first], new_levels[first]
        return self._known


def _plain(texts: list[str]) -> tuple[pl.Series, pl.Series]:
    """Codes and levels of texts; of those that are not plainly written themselves, and none."""
    plain = [plain_product(text) or (text, None) for text in texts]
    return (
        pl.Series([one[0] for one in plain], dtype=pl.Categorical),
        pl.Series([one[1] for one in plain], dtype=pl.Int8),
    )


PRODUCTS: Final = Products()
"""One for all files."""
