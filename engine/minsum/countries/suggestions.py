"""Country labels as a person types them: understood where they can only mean one, else the nearest are named."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

from minsum.countries.codes import AREAS, codes_of, labels
from minsum.countries.names import match_country, understood
from minsum.countries.spellings import CODES
from minsum.errors import SettingsError

_MOST: Final = 4


def known_label(typed: str) -> str:
    """Comtrade's label of the country that a setting names: its own, or another publisher's code for it.

    TWN is S19, ROM is ROU, XKX is _KS, 156 is CHN; a number that belongs to no country is its own label.

    Raises
    ------
    ValueError
        If it is the label of no country; the message names the nearest.
    """
    label = understood(typed.strip())
    if not codes_of(label) and not label.isdigit():
        raise ValueError(f"{typed!r} is the label of no country{_near(typed)}")
    return label


def known_labels(typed: Iterable[str]) -> tuple[str, ...]:
    """Labels of a list in a setting.

    Raises
    ------
    ValueError
        If one is the label of no country, or two mean the same.
    """
    given = tuple(typed)
    found = tuple(map(known_label, given))
    for position, label in enumerate(found):
        first = found.index(label)
        if first < position and given[first] != given[position]:
            raise ValueError(f"{given[first]!r} and {given[position]!r} are one country, {label}")
    return found


def check_country(country: str, place: str) -> None:
    """Raise SettingsError unless this is the label of a country; unknown codes are their own labels."""
    if country.isdigit() or (codes_of(country) and understood(country) == country):
        return
    near = near_labels(country)
    raise SettingsError(
        f"{place}: {country!r} is the label of no country",
        f"did you mean {' or '.join(near)}?" if near else "ISO3 as Comtrade writes it, such as DEU or S19",
    )


def label_in(typed: str, known: Iterable[str], *, place: str) -> str:
    """The label, among those that data hold, that a specification means.

    Raises
    ------
    SettingsError
        If the data do not hold it and it is the label of no country.
    """
    held = set(known)
    label = typed if typed in held else understood(typed)
    if label not in held:
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
    """Labels that may have been meant, at most four; empty when none is near.

    A code or name of another publisher gives its country; then countries whose name begins so; then labels
    spelt alike.
    """
    import pycountry

    whole = match_country(typed, typed)
    if whole:
        return [whole]
    begins = typed.strip().casefold()
    named = [one.alpha_3 for one in pycountry.countries if one.name.casefold().startswith(begins)]
    named = [understood(one) for one in named] if len(begins) > 2 else []
    countries = {label for code, label in labels().items() if code not in AREAS}
    alike = difflib.get_close_matches(typed.upper(), sorted(countries | set(CODES)), n=_MOST)
    return (named or list(dict.fromkeys(map(understood, alike))))[:_MOST]
