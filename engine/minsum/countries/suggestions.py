"""Resolves country labels in settings and commands; for an unknown label, suggests the nearest labels."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

from minsum.countries import groups
from minsum.countries.codes import AREAS, codes_of, labels
from minsum.countries.names import comtrade_label, folded_name, labels_by_name, match_country
from minsum.countries.spellings import CODES, SETTING_CODES, USUAL
from minsum.errors import SettingsError

_MOST: Final = 4
_LETTERS_OF_A_LABEL: Final = 3


def known_label(typed: str) -> str:
    """Comtrade's label for a label or another publisher's code in a setting.

    TWN gives S19, ROM gives ROU, XKX gives _KS, 156 gives CHN; a number of no known country is returned unchanged.

    Raises
    ------
    ValueError
        If no country has the label; the message names the nearest labels.
    """
    label = comtrade_label(typed.strip())
    if not codes_of(label) and not label.isdigit():
        raise ValueError(f"{typed!r} is the label of no country; {_meant(typed)}")
    return label


def known_labels(typed: Iterable[str]) -> tuple[str, ...]:
    """Comtrade's labels for the labels in a setting.

    Raises
    ------
    ValueError
        If a label belongs to no country, or two labels mean the same country.
    """
    given = tuple(typed)
    found = tuple(map(known_label, given))
    for position, label in enumerate(found):
        first = found.index(label)
        if first < position and given[first] != given[position]:
            raise ValueError(f"{given[first]!r} and {given[position]!r} are the same country, {label}")
    return found


def check_country(country: str, place: str) -> None:
    """Raise SettingsError unless a country has this label; any number is accepted."""
    if country.isdigit() or (codes_of(country) and comtrade_label(country) == country):
        return
    raise SettingsError(f"{place}: {country!r} is the label of no country", _meant(country))


def reference_hint(typed: str, composites: Iterable[str]) -> str:
    """What to do about an unknown reference: names that may have been meant, and the composites there are."""
    known = sorted(composites)
    near = difflib.get_close_matches(typed, known) or near_labels(typed)
    meant = f"did you mean {' or '.join(near)}? " if near else ""
    return f"{_group(typed) or meant}ISO3 labels, or composites: {', '.join(known) or 'none'}"


def label_in(typed: str, known: Iterable[str], *, place: str) -> str:
    """The label in the data that a specification's label means.

    Raises
    ------
    SettingsError
        If the label is not in the data and belongs to no country.
    """
    in_data = set(known)
    label = typed if typed in in_data else comtrade_label(typed)
    if label not in in_data:
        check_country(label, place)
    return label


def _meant(typed: str) -> str:
    near = near_labels(typed)
    meant = (
        f"did you mean {' or '.join(near)}?" if near else "write ISO3 as Comtrade does, such as DEU or S19"
    )
    return _group(typed).strip() or meant


def _group(typed: str) -> str:
    is_group = typed in groups.NAMES
    return f"{typed} is a group: make it a member of a composite, [esi.references]. " if is_group else ""


def near_labels(typed: str) -> list[str]:
    """Labels that may have been meant, at most four.

    The first match counts: a usual name or code, or that of another publisher; countries whose name begins with the
    text; names, or labels for a text of up to three letters, of similar spelling.
    """
    import pycountry

    folded = folded_name(typed)
    exact = match_country(typed, typed) or USUAL.get(folded) or SETTING_CODES.get(typed.strip().upper())
    if exact:
        return [exact]
    start = typed.strip().casefold()
    named = [country.alpha_3 for country in pycountry.countries if country.name.casefold().startswith(start)]
    if len(start) > 2 and named:
        return [comtrade_label(label) for label in named][:_MOST]
    if len(start) > _LETTERS_OF_A_LABEL:
        names = labels_by_name()
        alike = [names[name] for name in difflib.get_close_matches(folded, names, n=_MOST, cutoff=0.75)]
        return list(dict.fromkeys(alike))
    countries = {label for code, label in labels().items() if code not in AREAS}
    alike = difflib.get_close_matches(typed.upper(), sorted(countries | set(CODES)), n=_MOST)
    return list(dict.fromkeys(map(comtrade_label, alike)))
