"""Merges predecessor and successor states into one country over all years."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Succession:
    """Reporters of the same area before and after a succession.

    Attributes
    ----------
    before, after
        Comtrade codes of the predecessors and of the successors.
    unit
        Code whose label stands for all of these states.
    """

    before: tuple[int, ...]
    after: tuple[int, ...]
    unit: int


SUCCESSIONS: Final = (
    Succession((891,), (688, 499), 891),  # Serbia and Montenegro to 2006
    Succession((736,), (729, 728), 736),  # Sudan to 2011
    Succession((530,), (531, 534, 535), 530),  # Netherlands Antilles to 2010
    Succession((58,), (56, 442), 58),  # Belgium-Luxembourg to 1998
    Succession((711,), (710, 72, 426, 516, 748), 711),  # Southern African Customs Union to 1999
    Succession((280, 278), (276,), 276),  # the two German states to 1990
)


def units_among(codes: Collection[int]) -> dict[int, int]:
    """Comtrade code of a state to the code of its unit, for successions in which both sides filed.

    Parameters
    ----------
    codes
        Reporters of the lake. Without a filing of a predecessor there is no unit, because no comparison would span
        the succession.
    """
    return {
        code: succession.unit
        for succession in SUCCESSIONS
        if set(succession.before) & set(codes) and set(succession.after) & set(codes)
        for code in (*succession.before, *succession.after)
    }
