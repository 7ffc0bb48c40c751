"""Country codes and names of other publishers, matched to Comtrade's labels.

ISO names come from pycountry; the table below holds what the World Bank, UNCTAD, the Fraser Institute and
the Heritage Foundation write otherwise.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Final

from minsum.countries import WORLD, is_group, labels

_OTHER_CODES: Final = {
    "ADO": "AND", "IMY": "IMN", "KSV": "_KS", "ROM": "ROU", "TMP": "TLS", "TWN": "S19", "WBG": "PSE",
    "XKO": "_KS", "XKX": "_KS", "ZAR": "COD",
}  # fmt: skip
"""Three-letter codes that are not Comtrade's: ISO's for Taiwan, and the World Bank's older ones."""

_OTHER_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "ARE": ("UAE",), "BHS": ("Bahamas, The",), "BOL": ("Bolivia (Plurinational State of)",),
    "BRN": ("Brunei",), "CAF": ("Central African Rep.",), "CHN": ("China, mainland", "PR China"),
    "CIV": ("Cote d Ivoire", "Ivory Coast"), "COD": (
        "Congo, Dem. Rep.", "Congo, Dem. Rep. of the", "Congo, Democratic Republic of the",
        "Dem. Rep. of the Congo", "Democratic Republic of Congo", "Congo (Kinshasa)", "DR Congo", "Zaire",
    ), "COG": ("Congo, Rep.", "Congo, Republic of", "Republic of Congo", "Congo (Brazzaville)"),
    "CPV": ("Cape Verde",), "CZE": ("Czech Republic",), "DEU": ("Germany, Federal Republic of",),
    "DOM": ("Dominican Rep.",), "EGY": ("Egypt, Arab Rep.",), "FRO": ("Faeroe Islands",),
    "FSM": ("Micronesia", "Micronesia, Fed. Sts.", "Micronesia (Federated States of)"),
    "GBR": ("Great Britain", "UK"), "GMB": ("Gambia, The",), "GNB": ("Guinea Bissau",),
    "HKG": ("Hong Kong SAR", "Hong Kong SAR, China", "China, Hong Kong SAR"),
    "IRN": ("Iran", "Iran, Islamic Rep.", "Iran (Islamic Republic of)"),
    "KGZ": ("Kyrgyz Republic", "Kyrgyz Rep."), "KNA": ("St. Kitts and Nevis",),
    "KOR": ("Korea, Rep.", "Korea, Republic of", "Republic of Korea", "Korea, South"),
    "LAO": ("Lao PDR", "Laos", "Lao People's Dem. Rep."), "LBY": ("Libyan Arab Jamahiriya",),
    "LCA": ("St. Lucia",), "MAC": ("Macau", "Macao SAR, China", "Macau SAR, China", "China, Macao SAR"),
    "MAF": ("St. Martin (French part)",), "MDA": ("Moldova, Rep.",),
    "MKD": ("Macedonia", "Macedonia, FYR", "TFYR of Macedonia", "Republic of Macedonia"),
    "MMR": ("Burma", "Burma (Myanmar)"), "NLD": ("Netherlands (Kingdom of the)",),
    "PRK": ("Korea, Dem. People's Rep.", "Korea, Dem. People's Rep. of", "Korea, North"),
    "PSE": ("West Bank and Gaza", "Palestine", "State of Palestine"), "RUS": ("Russia",),
    "S19": ("Taiwan", "Chinese Taipei", "Taiwan, China", "China, Taiwan Province of"),
    "STP": ("Sao Tome & Principe",), "SVK": ("Slovak Republic", "Slovak Rep."), "SWZ": ("Swaziland",),
    "SYR": ("Syria",), "TUR": ("Turkey", "Turkiye"), "TZA": ("Tanzania",),
    "USA": ("United States", "US", "United States of America (the)"), "VCT": ("St. Vincent and the Grenadines",),
    "VEN": ("Venezuela", "Venezuela, RB", "Venezuela (Bolivarian Rep. of)"), "VIR": ("Virgin Islands (U.S.)",),
    "VNM": ("Vietnam", "Viet Nam"), "YEM": ("Yemen, Rep.",), "_KS": ("Kosovo",),
    "CHE": ("Switzerland, Liechtenstein",),
}  # fmt: skip

_UNTIL = re.compile(r"\(\s*(?:\.{2,}|…)\s*\d{4}\s*\)")
"""UNCTAD's mark of a territory before it changed: "Indonesia (...2002)"."""


def match_country(code: str | None, name: str | None) -> str | None:
    """Comtrade's label of an economy that another publisher codes or names.

    Parameters
    ----------
    code
        ISO3, ISO2, UN M49 or Comtrade number; None when the file has none.
    name
        As the file writes it; used where the code says nothing.

    Returns
    -------
    ISO3 as Comtrade writes it, or None for an unknown country and for the World and groups.
    """
    by_code = _by_code(code.strip()) if code else None
    return by_code or (_by_name().get(_folded(name)) if name else None)


def _by_code(code: str) -> str | None:
    if code.isdigit():
        return None if len(code) > 3 else _economies_by_number().get(int(code))
    code = code.upper()
    if len(code) == 2:
        import pycountry

        country = pycountry.countries.get(alpha_2=code)
        code = country.alpha_3 if country else code
    code = _OTHER_CODES.get(code, code)
    return code if code in _economies_by_number().values() else None


@cache
def _economies_by_number() -> dict[int, str]:
    """ISO and Comtrade numbers of single economies; 158 is ISO's Taiwan."""
    known = {code: label for code, label in labels().items() if code != WORLD and not is_group(code)}
    return {code: _OTHER_CODES.get(label, label) for code, label in known.items()}


@cache
def _by_name() -> dict[str, str]:
    """Folded name to label. What two countries share (Korea, Virgin Islands) is nobody's."""
    import pycountry

    found: dict[str, str] = {}
    for country in pycountry.countries:
        label = _OTHER_CODES.get(country.alpha_3, country.alpha_3)
        for kind in ("name", "official_name", "common_name"):
            if hasattr(country, kind):
                found[_folded(getattr(country, kind))] = label
    for label, names in _OTHER_NAMES.items():
        found |= {_folded(name): label for name in names}
    return found


def _folded(name: str) -> str:
    """Lower case, without accents, punctuation, articles and abbreviations."""
    plain = unicodedata.normalize("NFKD", _UNTIL.sub("", name)).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z]+", plain.replace("&", " and ").replace("'", ""))
    short = {"saint": "st", "republic": "rep"}
    return " ".join(short.get(word, word) for word in words if word not in ("the", "of"))
