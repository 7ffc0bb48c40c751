"""Vintages of the Harmonized System, the steps between them, and codes that no table covers."""

from __future__ import annotations

from typing import Final

YEARS: Final = {"H0": 1992, "H1": 1996, "H2": 2002, "H3": 2007, "H4": 2012, "H5": 2017, "H6": 2022}
"""Vintage to the year in its name; H0 was in force from 1988."""
VINTAGES: Final = tuple(YEARS)
FINEST: Final = 6
"""Digits of the products that vintages are brought together by."""

UNSPECIFIED: Final = "999999"
"""Gets the values of products that have no target."""
UNSPECIFIED_CODE: Final = int(UNSPECIFIED)
"""In tables a code is a number: 010121 is 10121."""
RESIDUAL_HEADING: Final = "9999"
BACI_OIL: Final = "271000"
"""BACI's code for all of heading 2710, in every vintage."""


def rank(vintage: str) -> int:
    """Position of a vintage, 0 for the oldest."""
    return VINTAGES.index(vintage)


def steps(source: str, target: str) -> list[tuple[str, str]]:
    """Pairs of adjacent vintages from source to target, in order; none where they are the same."""
    first, last = rank(source), rank(target)
    towards = -1 if last < first else 1
    return [(VINTAGES[k], VINTAGES[k + towards]) for k in range(first, last, towards)]


def number_of(product: str) -> int:
    """The number of a six-digit code; -1 for a code that is none, such as 9999AA."""
    return int(product) if product.isascii() and product.isdigit() else -1


def is_residual(product: str) -> bool:
    """Whether a product code is one of the 9999xx, which mean the same in every vintage."""
    return product.startswith(RESIDUAL_HEADING)
