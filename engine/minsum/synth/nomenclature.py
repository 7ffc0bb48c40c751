"""Invents a commodity classification of the size and structure of an HS vintage."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

_CHAPTERS: Final = tuple(chapter for chapter in range(1, 98) if chapter != 77)
_BIG_CHAPTERS: Final = {84: 8.0, 29: 6.0, 85: 5.0, 28: 3.5, 72: 3.0, 90: 3.0, 39: 2.5, 61: 2.5, 62: 2.5}
_HEADINGS_PER_PRODUCT: Final = 1 / 4.2
RESIDUALS: Final = ("999999", "9999AA")


@dataclass(frozen=True, slots=True)
class Nomenclature:
    """Codes of all levels in one list, and the heading and chapter of each product.

    Attributes
    ----------
    codes
        Products ascending, `999999`, `9999AA`, headings, chapters, `TOTAL`; unicode, shape (n_codes,).
    n_products
        Products without the two residual codes.
    heading, chapter
        Index in `codes` of the heading and chapter of each six-digit code, shape (n_products + 2,).
    """

    codes: npt.NDArray[np.str_]
    n_products: int
    heading: npt.NDArray[np.int64]
    chapter: npt.NDArray[np.int64]

    @property
    def n_six_digit(self) -> int:
        """Products and residual codes."""
        return self.n_products + len(RESIDUALS)

    @property
    def total(self) -> int:
        """Index of TOTAL."""
        return len(self.codes) - 1

    @property
    def parents(self) -> tuple[npt.NDArray[np.int64], ...]:
        """Index in `codes` of the heading, chapter and TOTAL of each six-digit code."""
        return self.heading, self.chapter, np.full(self.n_six_digit, self.total)


@cache
def nomenclature(n_products: int) -> Nomenclature:
    """The classification with this many products; the same in every world."""
    return of_codes(_products(n_products))


def of_codes(codes_of_products: list[str]) -> Nomenclature:
    """The classification with these products, ascending, and two residual codes."""
    products = [*codes_of_products, *RESIDUALS]
    headings = sorted({code[:4] for code in products})
    chapters = sorted({code[:2] for code in products})
    codes = np.array([*products, *headings, *chapters, "TOTAL"])
    place = {str(code): index for index, code in enumerate(codes)}
    return Nomenclature(
        codes=codes,
        n_products=len(codes_of_products),
        heading=np.array([place[code[:4]] for code in products]),
        chapter=np.array([place[code[:2]] for code in products]),
    )


def _products(n_products: int) -> list[str]:
    rng = np.random.default_rng(1988)
    n_headings = max(1, round(n_products * _HEADINGS_PER_PRODUCT))
    weights = np.array([_BIG_CHAPTERS.get(chapter, 1.0) for chapter in _CHAPTERS])
    headings = [
        f"{chapter:02d}{number:02d}"
        for chapter, count in zip(_CHAPTERS, _shared_out(n_headings, weights), strict=True)
        for number in range(1, count + 1)
    ]
    extra = _shared_out(n_products - n_headings, rng.lognormal(0.0, 0.8, n_headings))
    return [
        heading + ending
        for heading, more in zip(headings, extra, strict=True)
        for ending in _endings(1 + more)
    ]


def _shared_out(total: int, weights: npt.NDArray[np.float64]) -> list[int]:
    """Whole numbers in proportion to weights, with exactly this sum."""
    ends = np.rint(np.cumsum(weights) / weights.sum() * total).astype(int)
    return [int(count) for count in np.diff(ends, prepend=0)]


def _endings(count: int) -> list[str]:
    """Last two digits within a heading: 00 alone, else spread over 10 to 90 as HS does."""
    if count == 1:
        return ["00"]
    return [f"{int(number):02d}" for number in np.rint(np.linspace(10, 90, count))]
