"""Weight files between adjacent vintages: the share of a code's value that goes to each target."""

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
"""How far the weights of one code may sum from 1; below it they are divided by their sum, which is rounding."""
_NAMED: Final = re.compile(r"(H[0-6])_to_(H[0-6])")


@dataclass(frozen=True, slots=True)
class Weights:
    """Where each code of a vintage goes in an adjacent one, older or newer.

    Attributes
    ----------
    source, target
        The vintages.
    sources, targets
        Codes as numbers, one entry a pair, shape (n_pairs,) each.
    shares
        Share of the source that goes to the target, above 0, shape (n_pairs,); those of a source sum to 1.
    """

    source: str
    target: str
    sources: Codes
    targets: Codes
    shares: NDArray[np.float64]


def is_weights(path: Path) -> bool:
    """Whether the name is that of a text table."""
    return path.suffix.lower() == ".csv" and not path.name.startswith(".")


def weighted_step(path: Path) -> tuple[str, str]:
    """Vintages of a weight file, source and target, from its header `H5,H4,weight,group_id`.

    Raises
    ------
    DataCheckError
        If the header is another, the vintages are not adjacent, or the file name says others.
    """
    with path.open(encoding="utf-8-sig") as file:
        names = [name.strip() for name in file.readline().split(",")]
    if len(names) < 3 or names[2] != "weight" or not {names[0], names[1]} <= set(VINTAGES):
        raise DataCheckError(
            f"{path.name}, line 1: {','.join(names)!r}, expected source, target, weight such as H5,H4,weight",
            "only weight files and UN workbooks belong into this folder",
        )
    source, target = names[:2]
    if abs(rank(source) - rank(target)) != 1:
        raise DataCheckError(
            f"{path.name}, line 1: {source} and {target} are not adjacent vintages",
            "the chain goes from vintage to vintage: give weights for each step",
        )
    claimed = _NAMED.search(path.name)
    if claimed and claimed.groups() != (source, target):
        raise DataCheckError(
            f"{path.name}, line 1: weights of {source} to {target}, but the file name says "
            f"{claimed[1]} to {claimed[2]}",
            "this is another table under a wrong name: give it the right one",
        )
    return source, target


def read_weights(path: Path, codes: Nomenclature) -> Weights:
    """Read one weight file. Codes may have lost a leading zero; rows of weight 0 say nothing.

    Raises
    ------
    DataCheckError
        Naming file and line: a code the vintage does not have, a weight that is no share, a pair that occurs
        twice, or weights of one code that do not sum to 1.
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
        one, other = (number_of(cell.strip().strip('"')) for cell in cells[:2])
        for code, vintage, cell in ((one, source, cells[0]), (other, target, cells[1])):
            if code not in known[vintage]:
                raise DataCheckError(
                    f"{path.name}, line {number}: {cell.strip()} is no product of {vintage}",
                    "see whether source and target are swapped",
                )
        of_code = shares.setdefault(one, {})
        first_line.setdefault(one, number)
        if other in of_code:
            raise DataCheckError(
                f"{path.name}, line {number}: {one:06d} to {other:06d} occurs twice",
                "leave one of the rows out",
            )
        of_code[other] = _share(cells[2], path, number)
    if not shares:
        raise DataCheckError(f"{path.name}: no weights below the header")
    for one, of_code in shares.items():
        total = math.fsum(of_code.values())
        if abs(total - 1.0) > TOLERANCE:
            raise DataCheckError(
                f"{path.name}, line {first_line[one]}: the weights of {one:06d} sum to {total:.6g}, expected 1",
                "a part of the value would appear from nowhere or get lost: correct the weights",
            )
        shares[one] = {other: share / total for other, share in of_code.items()}
    pairs = [(one, other, share) for one, found in shares.items() for other, share in found.items() if share]
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
