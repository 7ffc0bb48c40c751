"""States and their successors as one unit over all years."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Succession:
    """Who filed for the same area before and after.

    Attributes
    ----------
    before, after
        Comtrade codes of the predecessors and of the successors.
    unit
        Code whose label stands for all of them.
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
    """Comtrade code of a member to that of its unit, for units of which both sides filed.

    Parameters
    ----------
    codes
        Reporters of the whole lake. A unit without a filing of a predecessor is none: nothing would be compared
        over its end.
    """
    return {
        code: one.unit
        for one in SUCCESSIONS
        if set(one.before) & set(codes) and set(one.after) & set(codes)
        for code in (*one.before, *one.after)
    }
