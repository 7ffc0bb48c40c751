"""Composites whose members are groups of countries: the groups' members in a year that have data."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from minsum.countries.groups import NAMES, expand_groups

if TYPE_CHECKING:
    from minsum.esi.references import References


def of_year(
    references: References, year: int, labels: Collection[str]
) -> tuple[References, dict[str, list[str]]]:
    """Replace groups by those members of a year that have data.

    Parameters
    ----------
    references
        As the settings have them.
    year
        Calendar year.
    labels
        Countries with data.

    Returns
    -------
    The composites, and for each with a group the members of the group without data. A country that the settings name
    itself stays a member, with data or without; a group without any data stays under its own name, as absent.
    """
    found = dict(references)
    left_out: dict[str, list[str]] = {}
    for name, one in references.items():
        members = one.members
        if not set(members) & set(NAMES):
            continue
        whole = expand_groups(members, year)
        there = [label for label in whole if label in labels or label in members]
        left_out[name] = sorted(set(whole) - set(there))
        found[name] = one.model_copy(update={"members": tuple(there) or members})
    return found, left_out
