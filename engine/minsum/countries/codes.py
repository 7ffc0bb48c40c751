"""Comtrade's numeric country codes and their ISO3 labels.

ISO 3166 comes from pycountry; the table below holds only what Comtrade numbers differently, its
historical reporters and its residual areas (UN Comtrade reporter and partner tables, 2024).
Never use a label as a key: twelve ISO3 labels belong to two codes each (a state and its predecessor).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Final

from minsum.errors import SettingsError

WORLD: Final = 0

_COMTRADE: Final[dict[int, str]] = {
    WORLD: "W00",
    # current economies whose Comtrade code is not their ISO 3166 number
    842: "USA", 251: "FRA", 699: "IND", 381: "ITA", 757: "CHE", 579: "NOR", 490: "S19", 158: "S19", 412: "_KS",
    # predecessors
    58: "BEL", 200: "CSK", 230: "ETH", 278: "DDR", 280: "DEU", 459: "_PM", 461: "_SH", 457: "_SK",
    530: "ANT", 532: "ANT", 582: "PCI", 588: "PAK", 590: "PAN", 592: "PCZ", 647: "_RI", 658: "KNA",
    698: "_SM", 711: "ZA1", 717: "_RN", 720: "YMD", 736: "SDN", 810: "SUN", 835: "_TK", 836: "_ZP",
    841: "USA", 866: "VDR", 868: "VNM", 886: "YEM", 890: "YUG", 891: "SCG",
    # areas that occur only as partners
    80: "ATB", 129: "A49", 221: "E29", 290: "F49", 471: "R91", 472: "_AC", 473: "A79", 488: "_MI",
    527: "O19", 536: "NTZ", 568: "E19", 577: "F19", 636: "A79", 637: "A59", 697: "R20", 830: "_CI",
    837: "X1", 838: "X2", 839: "XX", 849: "PUS", 872: "_WI", 879: "F97", 899: "_X",
    # groups
    97: "EUR", 975: "R4",
}  # fmt: skip

GROUPS: Final = frozenset({97, 975})
"""Reporters that are sums of others; 490 (Other Asia, nes) is flagged a group by the UN but is an economy."""

AREAS: Final = frozenset(
    {129, 221, 290, 471, 472, 473, 527, 536, 568, 577, 636, 637, 697, 837, 838, 839, 879, 899}
)
"""Partners that are not countries: bunkers, free zones and unspecified areas."""

_CURRENT: Final[dict[str, int]] = {
    "USA": 842, "FRA": 251, "IND": 699, "ITA": 380, "CHE": 757, "NOR": 579, "BEL": 56, "ETH": 231,
    "DEU": 276, "PAK": 586, "PAN": 591, "KNA": 659, "SDN": 729, "VNM": 704, "YEM": 887, "ANT": 530,
    "A79": 636, "S19": 490,
}  # fmt: skip
"""Label to its current code, where several codes carry the label."""


@cache
def labels() -> dict[int, str]:
    """Code to ISO3 label, as Comtrade writes it, for every known code; built once."""
    import pycountry

    iso = {int(country.numeric): str(country.alpha_3) for country in pycountry.countries}
    return iso | _COMTRADE


def iso3_of(code: int) -> str:
    """ISO3 label of a Comtrade code; for an unknown code, the code itself in three digits."""
    return labels().get(code, f"{code:03d}")


@cache
def _codes_by_label() -> dict[str, tuple[int, ...]]:
    codes: dict[str, list[int]] = {}
    for code, label in sorted(labels().items()):
        codes.setdefault(label, []).append(code)
    return {label: tuple(found) for label, found in codes.items()}


def codes_of(iso3: str) -> tuple[int, ...]:
    """Every code that ever had this label, ascending; empty for an unknown label."""
    return _codes_by_label().get(iso3, ())


def code_of(iso3: str) -> int:
    """Current Comtrade code of an ISO3 label.

    Raises
    ------
    KeyError
        If no code has the label.
    """
    if iso3 in _CURRENT:
        return _CURRENT[iso3]
    return _codes_by_label()[iso3][-1]


def codes_named(labels: Iterable[str], *, setting: str) -> frozenset[int]:
    """Every code that ever had one of the labels in a setting.

    Raises
    ------
    SettingsError
        If a label belongs to no country.
    """
    codes = {label: codes_of(label) for label in labels}
    for label, found in codes.items():
        if not found:
            raise SettingsError(
                f"{setting}: no country has the label {label!r}",
                "write ISO3 as Comtrade does, such as CHN or S19 (Other Asia, nes)",
            )
    return frozenset(code for found in codes.values() for code in found)


def is_group(code: int) -> bool:
    """Whether a reporter is a group of countries; groups are left out of the similarity by default."""
    return code in GROUPS
