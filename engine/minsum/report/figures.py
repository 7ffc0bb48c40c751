"""Charts of the page as SVG and PNG, for papers and slides."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from textwrap import wrap
from typing import Any, Final

import altair as alt
import polars as pl

from minsum.countries.short_names import names_of
from minsum.report.charts import (
    CONFIG,
    STEP,
    coefficients,
    matrix,
    over_time,
    ranks,
    standing,
)
from minsum.report.choice import Choice
from minsum.report.cube import Cube
from minsum.report.line_names import with_names
from minsum.workspace.similarities import ENDS

PNG_SCALE: Final = 2.0
_RANKED: Final = 12
_HEIGHT: Final = 340
"""Of the lines, pixels."""
_SUBTITLE: Final = 96
"""Characters of a line below a title."""


def figures_of(
    cube: Cube, choice: Choice, estimates: pl.DataFrame | None, notes: Sequence[str] = ()
) -> dict[str, Callable[[], alt.TopLevelMixin]]:
    """Functions that draw each figure, by file stem; the figures show the page's defaults.

    Parameters
    ----------
    cube, choice
        Similarities of the last classification, and the defaults of the page.
    estimates
        Table estimates of one specification, or None.
    notes
        What import_share means, below the title of the estimates.
    """
    figures: dict[str, Callable[[], alt.TopLevelMixin]] = {
        "esi_over_time": partial(_over_time, cube, choice),
        "esi_matrix": partial(_matrix, cube, choice),
    }
    if len(cube.years) > 1:
        figures["esi_ranks"] = partial(_ranks, cube, choice)
    if estimates is not None:
        figures["estimates"] = partial(_facets, estimates, notes)
    return figures


class NothingToDrawError(Exception):
    """A figure has no data; the message says which data are missing."""


def _over_time(cube: Cube, choice: Choice) -> alt.TopLevelMixin:
    """Lines of the chosen countries; bars where one year has data."""
    esi, reference = _named(cube, choice)
    shown = esi.filter(pl.col("reporter").is_in(choice.countries))
    if shown.is_empty():
        raise NothingToDrawError(
            f"no similarity of {', '.join(choice.countries) or 'any country'} with {reference}"
        )
    if shown["year"].n_unique() > 1:
        rows = with_names(
            shown.with_columns(series="name").sort(_order(choice.countries), "year"), height=_HEIGHT
        )
        lines: alt.TopLevelMixin = over_time(_data(rows), has_bands=cube.ends is not None).properties(
            width=620, height=_HEIGHT, title=f"Export similarity with {reference}"
        )
        return lines
    rows = shown.with_columns(label="name").sort("esi", descending=True)
    bars: alt.TopLevelMixin = standing(_data(rows), has_bands=cube.ends is not None).properties(
        width=520, height=alt.Step(STEP), title=f"Export similarity with {reference}, {shown['year'][0]}"
    )
    return bars


def _ranks(cube: Cube, choice: Choice) -> alt.TopLevelMixin:
    esi, reference = _named(cube, choice)
    if esi["year"].n_unique() < 2:
        raise NothingToDrawError(f"ranks need two years with a similarity with {reference}")
    rows = _ranked(esi, choice)
    drawn: alt.TopLevelMixin = ranks(_data(rows), has_rest=bool((rows["series"] == "").any())).properties(
        width=560, height=420, title=f"Rank by similarity with {reference}"
    )
    return drawn


def _matrix(cube: Cube, choice: Choice) -> alt.TopLevelMixin:
    """Heat map of the last year in which two of the largest exporters are compared."""
    for k, year in reversed(list(enumerate(cube.years))):
        rows = _square(cube, choice, k)
        if len(rows):
            drawn: alt.TopLevelMixin = matrix(_data(rows), choice.leaders).properties(
                title=f"Export similarity, {year}: the {len(choice.leaders)} largest exporters"
            )
            return drawn
    raise NothingToDrawError(f"no similarity among the {len(choice.leaders)} largest exporters")


def _named(cube: Cube, choice: Choice) -> tuple[pl.DataFrame, str]:
    """Similarities with the reference, countries by name, and the name of the reference."""
    names = names_of([*cube.countries, *cube.composites])
    esi = _long(cube, choice.reference).with_columns(name=pl.col("reporter").replace(names))
    return esi, names[choice.reference]


def drawn(chart: Any) -> tuple[str, bytes]:
    """A chart as SVG, and as PNG made from it."""
    import vl_convert

    spec = chart.properties(background="white").to_dict(validate=False)
    spec["config"] = CONFIG | {"font": "Liberation Sans, Arial, sans-serif"}
    svg = vl_convert.vegalite_to_svg(spec)
    return _renumbered(svg), vl_convert.svg_to_png(svg, scale=PNG_SCALE)


def _renumbered(svg: str) -> str:
    """Renumber gradients and clips from 0, since Vega continues its numbers through a process."""
    found = dict.fromkeys(re.findall(r"\b(?:gradient_|clip)\d+", svg))
    names = {name: f"{name.rstrip('0123456789')}{k}" for k, name in enumerate(found)}
    return re.sub(r"\b(?:gradient_|clip)\d+", lambda match: names[match[0]], svg)


def _data(frame: pl.DataFrame) -> alt.InlineData:
    return alt.InlineData(values=frame.to_dicts())


def _order(labels: list[str]) -> pl.Expr:
    return pl.col("reporter").replace_strict(labels, list(range(len(labels))), default=len(labels))


def _long(cube: Cube, reference: str) -> pl.DataFrame:
    values = cube.of(reference)
    n_years, n = values.shape
    frame = pl.DataFrame(
        {
            "year": [year for year in cube.years for _ in range(n)],
            "reporter": cube.countries * n_years,
            "esi": values.ravel(),
            **{
                name: cube.of(reference, one).ravel()
                for name, one in zip(ENDS, cube.ends or (), strict=False)
            },
        }
    )
    return frame.filter(pl.col("esi").is_not_nan(), pl.col("reporter").is_in(cube.reporters))


def _ranked(esi: pl.DataFrame, choice: Choice) -> pl.DataFrame:
    """Ranks in every year of the chosen countries and of the leading countries of the last year."""
    place = pl.col("esi").rank("ordinal", descending=True).over("year")
    ranked = esi.sort("year", "reporter").with_columns(rank=place)
    leading = (pl.col("year") == pl.col("year").max()) & (pl.col("rank") <= _RANKED)
    shown = {*ranked.filter(leading)["reporter"], *choice.countries}
    is_chosen = pl.col("reporter").is_in(choice.countries)
    return (
        ranked.filter(pl.col("reporter").is_in(shown))
        .with_columns(
            series=pl.when(is_chosen).then("name").otherwise(pl.lit("")),
            is_last=pl.col("year") == pl.col("year").max().over("reporter"),
        )
        .sort(_order(choice.countries), "reporter", "year")
    )


def _square(cube: Cube, choice: Choice, year: int) -> pl.DataFrame:
    place = [cube.countries.index(one) for one in choice.leaders]
    columns = {reference: cube.of(reference)[year][place] for reference in choice.leaders}
    wide = pl.DataFrame({"reporter": choice.leaders} | columns)
    return wide.unpivot(index="reporter", variable_name="reference", value_name="esi").drop_nans("esi")


def _facets(estimates: pl.DataFrame, notes: Sequence[str]) -> alt.FacetChart:
    """One panel for each regressor, with its own scale."""
    is_effect = pl.col("term").str.contains(r"^(const$|reporter_|reference_|year_)")
    half = 1.96 * pl.col("std_error")
    rows = estimates.filter(~is_effect, pl.col("std_error").is_finite()).with_columns(
        low=pl.col("coefficient") - half, high=pl.col("coefficient") + half
    )
    if rows.is_empty():
        raise NothingToDrawError("the estimates have no regressor with a standard error")
    chart = coefficients(_data(rows)).properties(width=200, height=alt.Step(STEP))
    facet = alt.Facet("term:N", title=None, sort=None)
    whole: alt.FacetChart = chart.facet(facet, columns=3).resolve_scale(x="independent")
    shown = [line for note in notes if "import_share" in rows["term"] for line in wrap(note, _SUBTITLE)]
    return whole.properties(title=alt.TitleParams("Coefficients with 95 % intervals", subtitle=shown))
