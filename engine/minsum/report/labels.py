"""Labels of terms in tables for papers, made from the labels of their variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_FACTORS: Final = re.compile(r":(?![^(]*\))")
_PART: Final = re.compile(r".+\[(.+)\]")
_FUNCTION: Final = re.compile(r"(\w+)\((.+?)(, \d+)?\)")
_SIDE: Final = re.compile(r"(reporter|reference)\.(.+)")


def label_of(name: str, labels: Mapping[str, str]) -> str:
    """Label of a term, a variable or a model; the name itself where nothing in it has a label.

    `lag(capital):reporter.asean` becomes `lag(Capital formation) × ASEAN (reporter)`, `lr:region[asia]` becomes
    `Labour force × asia`.
    """
    if name in labels:
        return labels[name]
    factors = _FACTORS.split(name)
    if len(factors) > 1:
        return " × ".join(label_of(one, labels) for one in factors)
    if part := _PART.fullmatch(name):
        return labels.get(part[1], part[1])
    if function := _FUNCTION.fullmatch(name):
        return f"{function[1]}({label_of(function[2], labels)}{function[3] or ''})"
    side = _SIDE.fullmatch(name)
    if side and (label := label_of(side[2], labels)) != side[2]:
        return f"{label} ({side[1]})"
    return name
