"""Names of countries as the page writes them: short, in English."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

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
