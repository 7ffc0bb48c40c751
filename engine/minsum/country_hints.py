"""Country labels near to what a person typed: `CHI`, `china` and `CN` mean CHN."""

from __future__ import annotations

import difflib
from typing import Final

from minsum.countries import codes_of, labels
from minsum.country_names import match_country
from minsum.errors import SettingsError

_MOST: Final = 4


def check_country(country: str, place: str) -> None:
    """Raise SettingsError unless this is the label of a country; unknown codes are their own labels."""
    if codes_of(country) or country.isdigit():
        return
    near = near_labels(country)
    raise SettingsError(
        f"{place}: {country!r} is the label of no country",
        f"did you mean {' or '.join(near)}?" if near else "ISO3 as Comtrade writes it, such as DEU or S19",
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
    known = sorted(set(labels().values()))
    named = [one for one in named if one in known] if len(begins) > 2 else []
    return (named or difflib.get_close_matches(typed.upper(), known, n=_MOST))[:_MOST]
