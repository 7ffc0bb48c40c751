"""Countries of a synthetic world: real codes, in roughly the real order of size."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from minsum.countries.codes import WORLD, code_of
from minsum.errors import UsageError

LEADERS: Final = ("USA", "DEU")
"""The reference `high_end`: their pooled exports."""
FOCUS: Final = ("CHN", "IDN", "KHM", "MMR", "MYS", "PHL", "SGP", "THA", "VNM")
"""The paper's sample."""
BLOC: Final = ("CHN", "BRN", "IDN", "KHM", "LAO", "MMR", "MYS", "PHL", "SGP", "THA", "VNM")
"""China and the ten members of ASEAN: imports from them make the import share."""

_LARGEST: Final = (
    "CHN", "USA", "DEU", "JPN", "NLD", "KOR", "FRA", "ITA", "HKG", "GBR", "MEX", "BEL", "CAN", "SGP", "RUS",
    "S19", "ESP", "IND", "CHE", "ARE", "POL", "THA", "AUS", "MYS", "VNM", "BRA", "SAU", "CZE", "IDN", "TUR",
    "AUT", "SWE", "IRL", "HUN", "NOR", "DNK", "ZAF", "CHL", "PHL", "SVK", "ROU", "FIN", "PRT", "QAT", "IRQ",
    "ISR", "KAZ", "ARG", "COL", "UKR", "NGA", "GRC", "PER", "NZL", "BGD", "PAK", "EGY", "MAR", "SVN", "LTU",
    "BGR", "HRV", "BLR", "EST", "LVA", "LUX", "SRB", "ECU", "TUN", "LKA", "KHM", "JOR", "MMR", "CRI", "GTM",
    "BRN", "LAO",
)  # fmt: skip
_NOT_REPORTING: Final = frozenset((
    "ALA", "ASM", "ATA", "ATF", "BLM", "BVT", "CCK", "CXR", "ESH", "FLK", "GGY", "GLP", "GUF", "GUM", "HMD",
    "IMN", "IOT", "JEY", "LIE", "MAF", "MCO", "MNP", "MTQ", "MYT", "NFK", "NIU", "NRU", "PCN", "PRI", "REU",
    "SGS", "SHN", "SJM", "TKL", "TWN", "UMI", "VAT", "VIR",
))  # fmt: skip
"""Territories that file nothing of their own with the UN (Taiwan's trade is reported as code 490)."""
_PARTNER_ONLY: Final = (837, 899)
"""Bunkers and areas not elsewhere specified: they receive trade and never report."""


@cache
def by_size() -> tuple[int, ...]:
    """Codes of every economy, the largest trader first."""
    import pycountry

    rest = sorted(
        code_of(country.alpha_3)
        for country in pycountry.countries
        if country.alpha_3 not in _NOT_REPORTING and country.alpha_3 not in _LARGEST
    )
    return (*(code_of(iso3) for iso3 in _LARGEST), *rest)


@cache
def in_order_of_choice() -> tuple[int, ...]:
    """Codes of all economies in the order in which a world adds them: leaders, the bloc, then by size."""
    first = [code_of(iso3) for iso3 in (*LEADERS, *FOCUS, "BRN", "LAO")]
    return (*first, *(code for code in by_size() if code not in first))


def size_rank(code: int) -> int:
    """Place of an economy by size, 0 the largest."""
    return by_size().index(code)


def code_of_member(name: int | str) -> int:
    """Comtrade code of a reporter given by code or ISO3 label.

    Raises
    ------
    UsageError
        If no economy of a synthetic world has it.
    """
    try:
        code = code_of(name.upper()) if isinstance(name, str) else name
    except KeyError:
        code = WORLD
    if code not in by_size():
        raise UsageError(f"reporters: {name!r} is not an economy", "give ISO3 labels or codes in use today")
    return code


def relative_size(rank: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Trade relative to the largest economy: a power of the rank times an exponential decay."""
    place = np.asarray(rank, dtype=np.float64)
    return np.asarray((place + 1) ** -1.0 * np.exp(-place / 45))


@cache
def partner_codes() -> npt.NDArray[np.int64]:
    """Partner code at each partner index: World at 0, then every economy by size, then the leftovers."""
    return np.array([WORLD, *by_size(), *_PARTNER_ONLY], dtype=np.int64)


def bloc_partners(reporter_code: int) -> npt.NDArray[np.bool_]:
    """Whether each partner index is a member of the bloc other than the reporter itself."""
    members = {code_of(iso3) for iso3 in BLOC} - {reporter_code}
    return np.isin(partner_codes(), list(members))
