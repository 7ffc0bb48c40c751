"""Product codes of the HS: what a text stands for."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

TOTAL: Final = "TOTAL"
"""All products together; sorts after every product code."""

CATEGORIES: Final = pl.Series([TOTAL], dtype=pl.Categorical)
"""Keeps the categories of this process: once no column has any, Polars forgets them, and places remembered here or in
`repairs` would stand for other texts."""

_PRODUCT: Final = re.compile("[0-9]{2}[0-9A-Z]{4}")
_MAX_KNOWN: Final = 1 << 17


class Products:
    """What product codes stand for, remembered for all files: the same few thousand occur in each.

    A code is written as minsum does; its level is the number of digits, 0 for all products together, and null (-1 here) for
    what is no code of the HS.
    """

    def __init__(self, *, has_total: bool, may_lose_zeros: bool) -> None:
        self._has_total, self._may_lose_zeros = has_total, may_lose_zeros
        none = np.empty(0, dtype=np.int64)
        # Words in order; category, level and whether padded: replaced as a whole, so that threads need no lock.
        self._known: tuple[NDArray[np.int64], ...] = (none,) * 4

    def look_up(self, words: NDArray[np.int64], texts: Callable[[], list[str]]) -> list[pl.Series]:
        """Codes (categories), levels, and which got their leading zero back, of distinct texts and their words."""
        known, at = self._known, np.searchsorted(self._known[0], words)
        if not (at < len(known[0])).all() or (known[0][at] != words).any():
            known = self._with(words, texts())
            at = np.searchsorted(known[0], words) if (words >= 0).all() else np.arange(len(words))
        codes, levels, is_padded = (column[at] for column in known[1:])
        return pl.select(
            pl.lit(pl.Series(codes.astype(np.uint32))).cat.to(pl.Categorical).alias("code"),
            pl.lit(pl.Series(levels.astype(np.int8))).replace(-1, None).alias("level"),
            pl.lit(pl.Series(is_padded.astype(np.bool_))).alias("is_padded"),
        ).get_columns()

    def _with(self, words: NDArray[np.int64], texts: list[str]) -> tuple[NDArray[np.int64], ...]:
        """What is known, with further texts; of texts that no word holds, these alone."""
        codes, levels, is_padded = zip(*(self._understood(text) for text in texts), strict=True)
        places = pl.Series(codes, dtype=pl.Categorical).to_physical().to_numpy()
        found = (words, places.astype(np.int64), np.array(levels), np.array(is_padded, dtype=np.int64))
        if (words < 0).any() or len(self._known[0]) > _MAX_KNOWN:
            order = np.arange(len(words)) if (words < 0).any() else np.argsort(words)
            return tuple(column[order] for column in found)
        joined = [np.append(old, new) for old, new in zip(self._known, found, strict=True)]
        _, first = np.unique(joined[0], return_index=True)
        self._known = tuple(column[first] for column in joined)
        return self._known

    def _understood(self, text: str) -> tuple[str, int, bool]:
        if self._has_total and text in (TOTAL, "Total"):
            return TOTAL, 0, False
        is_number = text.isascii() and text.isdigit()
        if self._may_lose_zeros and is_number and len(text) == 5:
            return f"0{text}", 6, True
        if is_number:
            return text, min(len(text), 99), False
        return text, 6 if _PRODUCT.fullmatch(text) else -1, False


products_of = cache(Products)
"""One for all files that write codes in the same way."""
