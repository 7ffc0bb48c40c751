"""Resolves country labels in settings and commands; for an unknown label, suggests the nearest labels."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

from minsum.countries.codes import AREAS, codes_of, labels
from minsum.countries.names import comtrade_label, match_country
from minsum.countries.spellings import CODES
from minsum.errors import SettingsError

_MOST: Final = 4


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
        raise ValueError(f"{typed!r} is the label of no country{_near(typed)}")
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
    near = near_labels(country)
    raise SettingsError(
        f"{place}: {country!r} is the label of no country",
        f"did you mean {' or '.join(near)}?" if near else "ISO3 as Comtrade writes it, such as DEU or S19",
    )


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


def _near(typed: str) -> str:
    near = near_labels(typed)
    return (
        f"; did you mean {' or '.join(near)}?"
        if near
        else "; write ISO3 as Comtrade does, such as DEU or S19"
    )


def near_labels(typed: str) -> list[str]:
    """Labels that may have been meant, at most four.

    The first match counts: a code or name of another publisher; countries whose name begins with the text; labels
    of similar spelling.
    """
    import pycountry

    exact = match_country(typed, typed)
    if exact:
        return [exact]
    start = typed.strip().casefold()
    named = [country.alpha_3 for country in pycountry.countries if country.name.casefold().startswith(start)]
    named = [comtrade_label(label) for label in named] if len(start) > 2 else []
    countries = {label for code, label in labels().items() if code not in AREAS}
    alike = difflib.get_close_matches(typed.upper(), sorted(countries | set(CODES)), n=_MOST)
    return (named or list(dict.fromkeys(map(comtrade_label, alike))))[:_MOST]
