"""Labels as the settings write them, and as the lake has them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

_TAIWAN: Final = {"TWN": "S19", "S19": "TWN"}
"""Comtrade and CEPII file Taiwan as 490, Other Asia not elsewhere specified (S19); other sources as 158, TWN."""


def with_other_names(names: Iterable[str]) -> set[str]:
    """Labels, and the other label of a country that has two."""
    found = set(names)
    return found | {_TAIWAN[name] for name in found if name in _TAIWAN}


def as_labelled(names: Iterable[str], labels: Collection[str]) -> list[str]:
    """Names as the labels have them: TWN as S19 where that is what is there."""
    return [name if name in labels or _TAIWAN.get(name) not in labels else _TAIWAN[name] for name in names]
