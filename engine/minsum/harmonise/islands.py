"""Finds years whose countries filed in different HS vintages and so cannot all be compared ("islands")."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

from minsum.countries.codes import iso3_of
from minsum.harmonise.vintages import rank

_NAMED: Final = 5
Key = tuple[str, int, int]
"""Classification, year and reporter code."""


@dataclass(frozen=True, slots=True)
class Islands:
    """Years in which no vintage has every country.

    Attributes
    ----------
    years
        Year to its vintages, oldest first, each with the labels of its countries.
    target
        Vintage to which all filings of these years can be converted; None without such years.
    """

    years: dict[int, dict[str, list[str]]]
    target: str | None

    def lines(self) -> list[str]:
        """A sentence for each year, and the next step."""
        sentences = [
            f"{year}: " + "; ".join(f"{vintage} {_listed(names)}" for vintage, names in found.items())
            for year, found in self.years.items()
        ]
        return [*sentences, self.next_step()] if sentences else []

    def next_step(self) -> str:
        """The setting that makes the countries comparable."""
        return f'to compare across vintages: [harmonise] target = "{self.target}" in minsum.toml (docs/vintages.md)'

    def as_json(self) -> dict[str, Any]:
        """Record for `status --json`."""
        return {"years": {str(year): found for year, found in self.years.items()}, "target": self.target}


def islands(keys: Iterable[Key], *, groups: Collection[int]) -> Islands:
    """Years whose countries filed in different vintages.

    Parameters
    ----------
    keys
        Keys of the flows files.
    groups
        Reporter codes to leave out.
    """
    filed: dict[int, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    newest: dict[tuple[int, int], str] = {}
    for vintage, year, code in keys:
        if code not in groups:
            filed[year][vintage].add(iso3_of(code))
            newest[year, code] = max(vintage, newest.get((year, code), vintage), key=rank)
    apart = {
        year: {vintage: sorted(found[vintage]) for vintage in sorted(found, key=rank)}
        for year, found in sorted(filed.items())
        if max(map(len, found.values())) < len(set().union(*found.values()))
    }
    vintages = [vintage for (year, _), vintage in newest.items() if year in apart]
    return Islands(apart, min(vintages, key=rank, default=None))


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    countries = "country" if len(names) == 1 else "countries"
    return f"{len(names)} {countries} ({', '.join(names[:_NAMED])}{more})"
