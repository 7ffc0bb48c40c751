"""Chooses the references whose similarities `section_esi` splits by section, from the footers of flows alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from minsum.countries.codes import iso3_of
from minsum.esi.groups import of_year
from minsum.esi.yearly import Groups
from minsum.schema import SECTIONS
from minsum.settings.esi import WITHOUT_SELF, Basis, Esi
from minsum.workspace.footers import Footer
from minsum.workspace.layout import partition_key

BUDGET: Final = 500_000
"""Contributions of a classification, so that the page that holds them stays small: 8 bytes each before compression."""


def section_references(
    groups: Groups, options: Esi, *, level: int, unit: Callable[[int], int]
) -> dict[str, list[str]]:
    """References to split, by classification, in order of preference.

    Parameters
    ----------
    groups
        Flows files of every classification and year.
    options
        Basis and composites.
    level
        Fewest digits that a country's products must have.
    unit
        Reporter code to the code under which the reporter is compared.

    Notes
    -----
    The composites, their members, then the largest exporters of the last year with exports: as many as `BUDGET` allows
    for all reporter-years, at least three. Rules that leave the country itself out are omitted: their basket differs for
    every country.
    """
    years: dict[str, dict[int, Mapping[Path, Footer]]] = defaultdict(dict)
    for (classification, year), flows in groups.items():
        years[classification][year] = flows
    found = {}
    for classification, by_year in years.items():
        exporters, last = list[str](), 0
        for last in sorted(by_year, reverse=True):
            if exporters := _largest_first(by_year[last], options, level, unit):
                break
        composites = of_year(options.references, last, exporters)[0]
        names = [name for name, one in composites.items() if one.rule not in WITHOUT_SELF]
        members = [label for one in composites.values() for label in one.members]
        n_rows = sum(map(len, by_year.values()))
        most = max(3, BUDGET // (n_rows * len(SECTIONS)))
        found[classification] = list(dict.fromkeys([*names, *members, *exporters]))[:most]
    return found


def _largest_first(
    flows: Mapping[Path, Footer], options: Esi, level: int, unit: Callable[[int], int]
) -> list[str]:
    """Labels of the countries with exports."""
    usd = defaultdict[int, float](float)
    for path, footer in flows.items():
        exports = exports_of(footer, options.basis)
        if exports.get("n_products") and (exports.get("level") or 0) >= level:
            code = unit(partition_key(path)[2])
            usd[code] += _products_usd(exports, options)
            if options.basis == "X-RX":
                usd[code] -= _products_usd(footer["checks"].get("RX", {}), options)
    return [iso3_of(code) for code in sorted(usd, key=lambda code: (-usd[code], code))]


def exports_of(footer: Footer, basis: Basis) -> Footer:
    """Checks of the flow that the basis adds; empty if the flow was not filed."""
    return footer["checks"].get("DX" if basis == "DX" else "X", {})  # type: ignore[no-any-return]


def _products_usd(checks: Footer, options: Esi) -> float:
    """World value of the products that are compared."""
    residual = 0.0 if options.residual == "keep" else checks.get("residual_share") or 0.0
    usd: float = checks.get("world_usd", 0.0) * (1 - residual)
    return usd
