"""HS vintages, the steps between adjacent vintages, and the codes that no table covers."""

from __future__ import annotations

from typing import Final

YEARS: Final = {"H0": 1992, "H1": 1996, "H2": 2002, "H3": 2007, "H4": 2012, "H5": 2017, "H6": 2022}
"""Vintage to the year of its edition; H0 (HS 1988/92) has been in force since 1988."""
VINTAGES: Final = tuple(YEARS)
FINEST: Final = 6
"""Digits of the products that vintages are brought together by."""

UNSPECIFIED: Final = "999999"
"""Target of products that have no target of their own."""
UNSPECIFIED_CODE: Final = int(UNSPECIFIED)
"""The same as a number, as codes are in tables: 010121 is 10121."""
RESIDUAL_HEADING: Final = "9999"
BACI_OIL: Final = "271000"
"""BACI's code for all of heading 2710, in every vintage."""


def rank(vintage: str) -> int:
    """Position of a vintage; 0 is the oldest."""
    return VINTAGES.index(vintage)


def steps(source: str, target: str) -> list[tuple[str, str]]:
    """Pairs of adjacent vintages from source to target, in order; empty when source and target are equal."""
    first, last = rank(source), rank(target)
    towards = -1 if last < first else 1
    return [(VINTAGES[k], VINTAGES[k + towards]) for k in range(first, last, towards)]


def number_of(product: str) -> int:
    """A six-digit code as a number; -1 for a code with letters, such as 9999AA."""
    return int(product) if product.isascii() and product.isdigit() else -1


def is_residual(product: str) -> bool:
    """Whether a product code is a residual code 9999xx, which means the same in every vintage."""
    return product.startswith(RESIDUAL_HEADING)
