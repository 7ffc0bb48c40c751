"""World Bank WITS downloads: CSV in thousand USD, chosen by the user; countries by ISO3 (in bulk) or name (by
product).

WITS's Export (6) and Import (5) are kept as X and M. By the World Bank's glossary they exclude re-exports and
re-imports, which Gross Exp. (2) and Gross Imp. (1) include. If a file has both, the larger value (gross) stays. The
meaning of codes 3 and 4 is not sure, so the rule `flow` removes them.
"""

from __future__ import annotations

from typing import Final

from minsum.sources.formats.base import Column, Format

_CODES: Final = {
    "WLD": 0, "EUN": 97,
    # areas and former countries under WITS's own labels
    "BAT": 80, "BLX": 58, "BUN": 837, "CSK": 200, "DDR": 278, "ETF": 230, "FRE": 838, "MNT": 499, "NZE": 536,
    "OAS": 490, "PCE": 582, "SDN": 736, "SPE": 839, "SUD": 729, "SVU": 810, "UNS": 899, "USP": 849, "YDR": 720,
    "YUG": 890,
}  # fmt: skip
"""Labels whose Comtrade code does not follow from ISO 3166 (WITS country list, 2024)."""

_SINCE: Final = {"DEU": ((1991, 276), (0, 280)), "SER": ((2006, 688), (0, 891))}
"""Labels with two Comtrade codes: each code with the first year it applies to."""

_GROUPS: Final = frozenset(
    {"All", "EAS", "ECS", "LCN", "MEA", "NAC", "SAS", "SSF", "999",
     "East Asia & Pacific", "Europe & Central Asia", "Latin America & Caribbean", "Middle East & North Africa",
     "North America", "South Asia", "Sub-Saharan Africa"}
)  # fmt: skip

_NAMES: Final = {
    "World": "WLD", "European Union": "EUN", "Other Asia, nes": "OAS", "Unspecified": "UNS", "Special Categories": "SPE",
    "Free Zones": "FRE", "Bunkers": "BUN", "Belgium-Luxembourg": "BLX",
}  # fmt: skip
"""Names of areas in downloads by product, which have no labels. Names of countries are matched as in covariate files."""


def _country_code(label: str, year: int) -> int | None:
    from minsum.countries.codes import code_of
    from minsum.countries.names import match_country

    if label in _GROUPS:
        return None
    if not (len(label) == 3 and label.isalpha() and label.isupper()):
        named = _NAMES.get(label) or (match_country(None, label) if len(label) > 3 else None)
        if named is None:
            raise KeyError(label)
        label = named
    for since, code in _SINCE.get(label, ()):
        if year >= since:
            return code
    return _CODES[label] if label in _CODES else code_of(match_country(label, None) or label)


FORMAT = Format(
    name="wits",
    publisher="World Bank WITS",
    title="World Bank WITS download (CSV, thousand USD)",
    columns={
        "classification": Column("Nomenclature", required=False),
        "reporter_code": Column("ReporterISO3", ("Reporter",)),
        "product_code": Column("ProductCode"),
        "partner_code": Column("PartnerISO3", ("Partner",)),
        "year": Column("Year"),
        "flow": Column("TradeFlowCode", ("TradeFlow", "TradeFlowName")),
        "flow_name": Column("TradeFlowName", required=False),
        "value": Column("TradeValue in 1000 USD", ("Trade Value 1000USD",)),
    },
    flow_codes={
        "1": "M", "2": "X", "3": "3", "4": "4", "5": "M", "6": "X", "GROSS IMP.": "M", "GROSS EXP.": "X",
    },
    value_scale=1000.0,
    is_complete=False,
    is_quoted=True,
    country_code=_country_code,
)  # fmt: skip
