"""Matches country codes and names of other publishers to Comtrade's labels.

ISO codes and names come from pycountry; publishers' other spellings come from `spellings`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Final

from minsum.countries.codes import AREAS, WORLD, is_group, labels
from minsum.countries.spellings import AMBIGUOUS_NAMES, CODES, CODES_ALPHA_2, NAMES, SETTING_CODES

M49_GROUPS: Final = frozenset(
    {1, 2, 5, 9, 11, 13, 14, 15, 17, 18, 19, 21, 29, 30, 34, 35, 39, 53, 54, 57, 61, 62, 142, 143, 145, 150, 151, 154, 155,
     199, 202, 419, 432, 513, 514, 515, 722}
)  # fmt: skip
"""The UN's numbers of the World, continents and groups; 57 is the region Micronesia, not the country."""

_BELGIUM_LUXEMBOURG: Final = 58
"""Comtrade labels it BEL; another publisher's value for both countries is not Belgium's."""
_UNTIL = re.compile(
    r"\(\s*(?:(?:\.{2,}|…|-|–|until|to|before)\s*\d{4}|\d{4}\s*(?:\.{2,}|…|-|–)(?:\s*\d{4})?)\s*\)"
)
"""Years of a territory in brackets: "Indonesia (...2002)", "Sudan (2012-...)"."""
_SHORT: Final = {
    "saint": "st", "ste": "st", "sainte": "st", "republic": "rep", "democratic": "dem", "federal": "fed",
    "federated": "fed", "states": "sts", "state": "sts", "islands": "is", "island": "is", "isds": "is", "isd": "is",
    "isl": "is", "territory": "terr", "territories": "terr", "british": "br", "northern": "n", "province": "prov",
    "peoples": "people", "viet": "vietnam", "fr": "fr", "utd": "united",
}  # fmt: skip
_DROPPED: Final = frozenset({"the", "of", "former", "fmr", "fm", "nam"})


def match_country(code: str | None, name: str | None) -> str | None:
    """Comtrade's label of an economy, from another publisher's code or name.

    Parameters
    ----------
    code
        ISO3, ISO2, UN M49 or Comtrade number; None when the file has none.
    name
        As the file writes it; used where the code matches no country.

    Returns
    -------
    ISO3 as Comtrade writes it; None for an unknown country, the World and groups.
    """
    code = code.strip() if code else ""
    if is_m49_group(code):
        return None
    return match_code(code) or (match_name(name) if name else None)


def match_code(code: str) -> str | None:
    """Label of an economy from its code alone: ISO3, ISO2, UN M49 or Comtrade number."""
    code = code.strip().upper()
    if code.isdigit():
        return None if len(code) > 3 else _economies_by_number().get(int(code))
    if len(code) == 2:
        return CODES_ALPHA_2.get(code) or _by_alpha_2().get(code)
    code = CODES.get(code, code)
    return code if len(code) > 2 and code in _economies_by_number().values() else None


def match_name(name: str) -> str | None:
    """Label of an economy from its name alone."""
    return labels_by_name().get(folded_name(name))


def is_m49_group(code: str) -> bool:
    """Whether a code is a UN M49 number of a group of countries."""
    return code.isdigit() and int(code) in M49_GROUPS


def comtrade_label(typed: str) -> str:
    """Comtrade's label for an ISO or another publisher's code: TWN gives S19.

    Any other text, such as an unknown label or the name of a composite, is returned unchanged.
    """
    if typed.isdigit():
        return labels().get(int(typed), typed)
    return SETTING_CODES.get(typed) or CODES.get(typed, typed)


@cache
def _economies_by_number() -> dict[int, str]:
    """ISO or Comtrade number to label, for single economies; 158 is Taiwan in ISO."""
    known = {
        code: label
        for code, label in labels().items()
        if code not in {WORLD, _BELGIUM_LUXEMBOURG, *AREAS} and not is_group(code)
    }
    return {code: CODES.get(label, label) for code, label in known.items()}


@cache
def _by_alpha_2() -> dict[str, str]:
    import pycountry

    return {country.alpha_2: CODES.get(country.alpha_3, country.alpha_3) for country in pycountry.countries}


@cache
def labels_by_name() -> dict[str, str]:
    """Folded name to label, without ambiguous names (Korea, Virgin Islands)."""
    import pycountry

    found: dict[str, str] = {}
    for country in pycountry.countries:
        label = CODES.get(country.alpha_3, country.alpha_3)
        for kind in ("name", "official_name", "common_name"):
            if hasattr(country, kind):
                found[folded_name(getattr(country, kind))] = label
    for label, names in NAMES.items():
        found |= {folded_name(name): label for name in names}
    nobody = {folded_name(name) for name in AMBIGUOUS_NAMES}
    return {name: label for name, label in found.items() if name not in nobody}


def folded_name(name: str) -> str:
    """A name in lower-case ASCII, its words abbreviated and sorted, without articles.

    "Korea, Rep." and "Republic of Korea" give the same text; so do "Virgin Isds (U.S.)" and "US Virgin Islands".
    """
    plain = unicodedata.normalize("NFKD", _UNTIL.sub("", name)).encode("ascii", "ignore").decode().lower()
    plain = re.sub(r"\b([a-z])\.(?=[a-z]\b)", r"\1", plain.replace("&", " and ").replace("'", ""))
    plain = plain.replace("special administrative region", "sar")
    words = [_SHORT.get(word, word) for word in re.findall(r"[a-z]+", plain)]
    return " ".join(sorted(word for word in words if word not in _DROPPED))
