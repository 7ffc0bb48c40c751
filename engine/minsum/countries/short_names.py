"""Short English names of countries, and the other names by which people search."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from minsum.countries.spellings import CODES, NAMES

_SHORTER: Final = {
    "ANT": "Netherlands Antilles", "BES": "Bonaire and others", "BRN": "Brunei", "CAF": "Central African Rep.",
    "CIV": "Côte d’Ivoire", "COD": "DR Congo", "COG": "Congo", "CSK": "Czechoslovakia", "DDR": "East Germany",
    "FLK": "Falkland Islands", "FSM": "Micronesia", "HMD": "Heard and McDonald Islands",
    "IOT": "British Indian Ocean Territory", "KOR": "South Korea", "LAO": "Laos", "MAF": "Saint Martin (French)",
    "PRK": "North Korea", "PSE": "Palestine", "RUS": "Russia", "S19": "Taiwan (Other Asia, nes)", "SCG": "Serbia and Montenegro",
    "SGS": "South Georgia", "SHN": "Saint Helena", "STP": "São Tomé and Príncipe", "SUN": "Soviet Union",
    "SXM": "Sint Maarten (Dutch)", "SYR": "Syria", "TUR": "Türkiye", "VCT": "Saint Vincent", "VDR": "Viet Nam (former)",
    "VGB": "British Virgin Islands", "VIR": "US Virgin Islands", "VNM": "Viet Nam", "YUG": "Yugoslavia",
    "ZA1": "Southern African Customs Union", "_KS": "Kosovo",
}  # fmt: skip
"""Where ISO's name is long, inverted, or not there."""


def names_of(labels: Iterable[str]) -> dict[str, str]:
    """Names of ISO3 labels; what has none, such as a composite, keeps its label."""
    import pycountry

    known = {
        country.alpha_3: getattr(country, "common_name", country.name) for country in pycountry.countries
    }
    return {label: _SHORTER.get(label) or str(known.get(label, label)) for label in sorted(set(labels))}


def other_names(labels: Iterable[str]) -> dict[str, list[str]]:
    """Further names of ISO3 labels by which people search: of other publishers, official, and ISO codes."""
    import pycountry

    found = {label: list(NAMES.get(label, ())) for label in sorted(set(labels))}
    for country in pycountry.countries:
        label = CODES.get(country.alpha_3, country.alpha_3)
        if label in found:
            kinds = ("name", "official_name", "common_name", "alpha_2", "alpha_3")
            found[label] += [getattr(country, kind) for kind in kinds if hasattr(country, kind)]
    shown = names_of(found)
    return {
        label: [one for one in dict.fromkeys(names) if one not in (shown[label], label)]
        for label, names in found.items()
        if names
    }
