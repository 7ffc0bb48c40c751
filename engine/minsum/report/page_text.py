"""Texts of the page: the definition, the key facts at the top, the settings at the foot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import polars as pl

from minsum.countries.short_names import names_of
from minsum.harmonise.islands import islands
from minsum.report.cube import Cube
from minsum.report.options import PageOptions
from minsum.settings.esi import Composite

_BASIS: Final = {
    "X": "total exports (re-exports included)",
    "DX": "domestic exports",
    "X-RX": "exports less re-exports",
}
_RESIDUAL: Final = {
    "exclude": "left out of numerator and denominator",
    "keep": "kept as products",
    "denominator": "counted in the total only",
}


def page_words(cubes: Sequence[Cube], quality: pl.DataFrame, options: PageOptions) -> dict[str, Any]:
    """Texts of the template, by name."""
    esi = options.settings.esi
    years = (
        sorted({year for cube in cubes for year in cube.years}) or quality["year"].unique().sort().to_list()
    )
    digits, residual = f"{esi.level}-digit", _RESIDUAL[esi.residual]
    conversion = _conversion_words(quality, options)
    return {
        "span": _span(years),
        "facts": _facts(cubes, quality, years=years),
        "not_compared": _not_compared(cubes, quality),
        "product_words": f"{digits} products",
        "definition": (
            f"ESI of country i with reference r in year t: the sum over {digits} HS products of the smaller of the two "
            f"export shares. Basis: {_BASIS[esi.basis]}. Residual codes 9999xx: {residual}. Countries are compared "
            f"only within one classification and year; a country without data is missing, not zero. {conversion}"
        ).rstrip(),
        "residual_words": residual,
        "references": [_composite_words(name, one) for name, one in sorted(options.references.items())],
        "settings": sorted(_flat(options.shown())),
        "versions": sorted(options.versions.items()),
    }


def _conversion_words(quality: pl.DataFrame, options: PageOptions) -> str:
    """Target of the conversion; without one, the countries that cannot be compared, in the last year with several
    classifications."""
    together = options.settings.harmonise
    if together:
        out = (
            quality.filter(pl.col("reason").str.contains("older than"))
            if "reason" in quality.columns
            else None
        )
        absent = (
            f" {len(out)} reporter-years filed before it are left out."
            if out is not None and len(out)
            else ""
        )
        mirrors = (
            " Countries that filed nothing are mirrored from their partners' imports in the similarities; sections and "
            "markets are of filings only."
            if options.settings.mirror
            else ""
        )
        return f"Every reporter-year was brought to {together.target}, whatever it was filed in.{absent}{mirrors}"
    rows = quality.filter(~pl.col("is_group")).select("classification", "year", "reporter_code").rows()
    apart = islands(rows, groups=())
    return " ".join(f"{line}." for line in apart.lines()[-2:])


def _facts(cubes: Sequence[Cube], quality: pl.DataFrame, *, years: Sequence[int]) -> list[tuple[str, str]]:
    """Label and value of each key fact."""
    countries = {one for cube in cubes for one in cube.countries}
    pairs = sum(int(np.isfinite(cube.esi.pairs).sum()) for cube in cubes)
    in_last = pl.col("year") == max(years, default=0)
    last = quality.filter(in_last, ~pl.col("is_group")).unique("reporter", maintain_order=True)
    return [
        ("countries", f"{len(countries):,}"),
        (f"{len(years)} years" if len(years) > 1 else "year", _span(years)),
        ("pairs compared", f"{pairs:,}"),
        ("classification", ", ".join(cube.classification for cube in cubes) or "none"),
        ("exports in the last year", f"{float(last['exports_usd'].sum()) / 1e12:,.1f} tn USD"),
    ]


def _span(years: Sequence[int]) -> str:
    if not years:
        return "no year"
    return str(years[0]) if len(years) == 1 else f"{years[0]}–{years[-1]}"


def _not_compared(cubes: Sequence[Cube], quality: pl.DataFrame) -> list[str]:
    """Lines on classification-years of the lake in which fewer than two countries have exports."""
    compared = {(cube.classification, year) for cube in cubes for year in cube.years}
    lines = []
    reported = quality.filter(~pl.col("is_group")).sort("classification", "year", "reporter")
    for (kind, year), rows in reported.group_by("classification", "year", maintain_order=True):
        if (kind, year) not in compared:
            exporting = rows.filter(pl.col("n_products") > 0)["reporter"].to_list()
            who = (
                f"only {names_of(exporting)[exporting[0]]} has exports" if exporting else "nobody has exports"
            )
            if len(exporting) < 2:
                lines.append(f"{kind}, {year}: {who}, so there is no pair to compare.")
    return lines


def _composite_words(name: str, one: Composite) -> str:
    of = ", ".join(names_of(one.members).values()) or "every reporter of the year"
    return f"Reference {name}: rule {one.rule}, of {of}."


def _flat(settings: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in settings.items():
        if isinstance(value, Mapping) and value:
            found += _flat(value, f"{prefix}{name}.")
        else:
            found.append((f"{prefix}{name}", _setting(value)))
    return found


def _setting(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        value = ", ".join(map(str, value))
    return str(value or "empty") if value != 0 else "0"
