"""Product codes of the HS as frames hold them, remembered for all files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from minsum.flows.spellings import plain_product

_MAX_KNOWN: Final = 1 << 17
_NO_CODE: Final = -1


class Products:
    """What plainly written product codes stand for: the same few thousand occur in each file."""

    def __init__(self) -> None:
        none = np.empty(0, dtype=np.int64)
        # Words in order, category and level: replaced as a whole, so that threads need no lock.
        self._known: tuple[NDArray[np.int64], ...] = (none,) * 3

    def look_up(
        self, words: NDArray[np.int64], texts: Callable[[], list[str]]
    ) -> tuple[pl.Series, pl.Series]:
        """Codes (categories) and levels of distinct texts and their words; a text of no level is not plainly written."""
        known, at = self._known, np.searchsorted(self._known[0], words)
        if not (at < len(known[0])).all() or (known[0][at] != words).any():
            known = self._with(words, texts())
            at = np.searchsorted(known[0], words) if (words >= 0).all() else np.arange(len(words))
        codes, levels = (column[at] for column in known[1:])
        found = pl.select(
            pl.lit(pl.Series(codes.astype(np.uint32))).cat.to(pl.Categorical).alias("code"),
            pl.lit(pl.Series(levels.astype(np.int8))).replace(_NO_CODE, None).alias("level"),
        )
        return found["code"], found["level"]

    def _with(self, words: NDArray[np.int64], texts: list[str]) -> tuple[NDArray[np.int64], ...]:
        """What is known, with further texts; of texts that no word holds, these alone."""
        plain = [plain_product(text) or (text, _NO_CODE) for text in texts]
        places = pl.Series([one[0] for one in plain], dtype=pl.Categorical).to_physical().to_numpy()
        found = (words, places.astype(np.int64), np.array([one[1] for one in plain]))
        if (words < 0).any() or len(self._known[0]) > _MAX_KNOWN:
            order = np.arange(len(words)) if (words < 0).any() else np.argsort(words)
            return tuple(column[order] for column in found)
        joined = [np.append(old, new) for old, new in zip(self._known, found, strict=True)]
        _, first = np.unique(joined[0], return_index=True)
        self._known = tuple(column[first] for column in joined)
        return self._known


PRODUCTS: Final = Products()
"""One for all files."""
