"""Groups of countries whose membership changes, by name: EU, ASEAN, G7, OECD.

Membership on 31 December counts for the whole year: Croatia (July 2013) is a member in 2013, the United Kingdom (to January
2020) in 2019 but not in 2020. Sources: Treaties of Accession (EU), ASEAN Secretariat, OECD list of ratifications.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

_FOREVER: Final = 9_999
_JOINED: Final[dict[str, dict[int, str]]] = {
    "EU": {
        1958: "BEL DEU FRA ITA LUX NLD", 1973: "DNK GBR IRL", 1981: "GRC", 1986: "ESP PRT", 1995: "AUT FIN SWE",
        2004: "CYP CZE EST HUN LTU LVA MLT POL SVK SVN", 2007: "BGR ROU", 2013: "HRV",
    },
    "ASEAN": {
        1967: "IDN MYS PHL SGP THA", 1984: "BRN", 1995: "VNM", 1997: "LAO MMR", 1999: "KHM", 2025: "TLS",
    },
    "G7": {1976: "CAN DEU FRA GBR ITA JPN USA"},
    "OECD": {
        1961: "AUT BEL CAN CHE DEU DNK ESP FRA GBR GRC IRL ISL LUX NLD NOR PRT SWE TUR USA", 1962: "ITA",
        1964: "JPN", 1969: "FIN", 1971: "AUS", 1973: "NZL", 1994: "MEX", 1995: "CZE", 1996: "HUN KOR POL",
        2000: "SVK", 2010: "CHL EST ISR SVN", 2016: "LVA", 2018: "LTU", 2020: "COL", 2021: "CRI",
    },
}  # fmt: skip
"""Group to year of accession to the members that joined."""
_LEFT: Final = {("EU", "GBR"): 2020}
"""Group and member to the first year that ended without this member."""

NAMES: Final = tuple(_JOINED)


def members_in(group: str, year: int) -> list[str]:
    """ISO3 labels of the members at the end of a year, ascending."""
    return sorted(
        label
        for joined, labels in _JOINED[group].items()
        for label in labels.split()
        if joined <= year < _LEFT.get((group, label), _FOREVER)
    )


def expand_groups(members: Collection[str], year: int) -> list[str]:
    """Labels with each group replaced by its members in the year; no country is repeated."""
    found: dict[str, None] = {}
    for member in members:
        found |= dict.fromkeys(members_in(member, year) if member in NAMES else [member])
    return list(found)
