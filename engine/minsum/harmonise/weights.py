"""Reads weight files between adjacent vintages: the share of a code's value that goes to each target code."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from minsum.errors import DataCheckError
from minsum.harmonise.shipped import Nomenclature
from minsum.harmonise.vintages import UNSPECIFIED_CODE, VINTAGES, number_of, rank
from minsum.harmonise.workbooks import Codes

TOLERANCE: Final = 1e-9
"""Largest rounding error of the sum of a code's weights; within it, the weights are divided by their sum."""
_NAMED: Final = re.compile(r"(H[0-6])_to_(H[0-6])")


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights of one step between adjacent vintages.

    Attributes
    ----------
    source, target
        The vintages.
    sources, targets
        Source and target code of each pair as numbers, shape (n_pairs,) each.
    shares
        Share of the source code that goes to the target code, above 0, shape (n_pairs,); shares of a source code
        sum to 1.
    """

    source: str
    target: str
    sources: Codes
    targets: Codes
    shares: NDArray[np.float64]


def is_weights(path: Path) -> bool:
    """Whether a file name can be a weight file's."""
    return path.suffix.lower() == ".csv" and not path.name.startswith(".")


def weighted_step(path: Path) -> tuple[str, str]:
    """Source and target vintage of a weight file, from its header `H5,H4,weight,group_id`.

    Raises
    ------
    DataCheckError
        If the header has other columns, the vintages are not adjacent, or the file name contradicts the header.
    """
    with path.open(encoding="utf-8-sig") as file:
        names = [name.strip() for name in file.readline().split(",")]
    if len(names) < 3 or names[2] != "weight" or not {names[0], names[1]} <= set(VINTAGES):
        raise DataCheckError(
            f"{path.name}, line 1: {','.join(names)!r}, expected source, target, weight such as H5,H4,weight",
            "keep only weight files and UN workbooks in this folder",
        )
    source, target = names[:2]
    if abs(rank(source) - rank(target)) != 1:
        raise DataCheckError(
            f"{path.name}, line 1: {source} and {target} are not adjacent vintages",
            "give weights for each step between adjacent vintages",
        )
    claimed = _NAMED.search(path.name)
    if claimed and claimed.groups() != (source, target):
        raise DataCheckError(
            f"{path.name}, line 1: weights of {source} to {target}, but the file name says "
            f"{claimed[1]} to {claimed[2]}",
            "the file has the wrong name: rename it",
        )
    return source, target


def read_weights(path: Path, codes: Nomenclature) -> Weights:
    """Read one weight file. Leading zeros of codes may be missing; rows of weight 0 are ignored.

    Raises
    ------
    DataCheckError
        For a code that the vintage lacks, a weight outside [0, 1], a repeated pair, or weights of a code that do
        not sum to 1. The message names file and line.
    """
    source, target = weighted_step(path)
    known = {vintage: frozenset(codes[vintage].tolist()) | {UNSPECIFIED_CODE} for vintage in (source, target)}
    shares: dict[int, dict[int, float]] = {}
    first_line: dict[int, int] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines()[1:], start=2):
        if not line.strip():
            continue
        cells = line.split(",")
        if len(cells) < 3:
            raise DataCheckError(
                f"{path.name}, line {number}: {len(cells)} fields, expected source, target, weight"
            )
        code, target_code = (number_of(cell.strip().strip('"')) for cell in cells[:2])
        for product, vintage, cell in ((code, source, cells[0]), (target_code, target, cells[1])):
            if product not in known[vintage]:
                raise DataCheckError(
                    f"{path.name}, line {number}: {cell.strip()} is not a product code of {vintage}",
                    "check whether source and target are swapped",
                )
        of_code = shares.setdefault(code, {})
        first_line.setdefault(code, number)
        if target_code in of_code:
            raise DataCheckError(
                f"{path.name}, line {number}: {code:06d} to {target_code:06d} occurs twice",
                "delete one of the rows",
            )
        of_code[target_code] = _share(cells[2], path, number)
    if not shares:
        raise DataCheckError(f"{path.name}: no weights below the header")
    for code, of_code in shares.items():
        total = math.fsum(of_code.values())
        if abs(total - 1.0) > TOLERANCE:
            raise DataCheckError(
                f"{path.name}, line {first_line[code]}: the weights of {code:06d} sum to {total:.6g}, expected 1",
                "correct the weights: conversion would otherwise create or lose value",
            )
        shares[code] = {to: share / total for to, share in of_code.items()}
    pairs = [(code, to, share) for code, found in shares.items() for to, share in found.items() if share]
    sources, targets, values = zip(*pairs, strict=True)
    return Weights(
        source, target, np.array(sources, dtype=np.int32), np.array(targets, dtype=np.int32), np.array(values)
    )


def _share(text: str, path: Path, number: int) -> float:
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0.0 <= share <= 1.0 + TOLERANCE:
        raise DataCheckError(
            f"{path.name}, line {number}: weight {text.strip()!r}, expected a share from 0 to 1"
        )
    return share
