"""Defines each chart once, for the page, which adds the data, and for the figures, which contain the data."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import altair as alt

COLOURS: Final = ["#0b6e99", "#c2410c", "#15803d", "#7e22ce", "#a16207", "#be185d", "#475569", "#0891b2"]
"""Distinct for colour-blind readers, and dark enough on white; dashes and symbols repeat the distinction."""
DASHES: Final = [[1, 0], [6, 3], [2, 2], [8, 2, 2, 2], [4, 4], [10, 3], [1, 3], [6, 2, 1, 2]]
DARK: Final = ["#4cb4e0", "#fb923c", "#4ade80", "#c084fc", "#facc15", "#f472b6", "#cbd5e1", "#22d3ee"]
"""The same colours, lighter, for a dark page."""
LABEL: Final = 150
"""Widest name beside a line, pixels."""
STEP: Final = 23
"""Height of a bar and its gap, pixels."""
SHAPES: Final = [
    "circle",
    "square",
    "triangle-up",
    "diamond",
    "cross",
    "triangle-down",
    "triangle-right",
    "triangle-left",
]
FEED: Final = alt.NamedData("rows")
"""Data that the page adds."""
CONFIG: Final[dict[str, Any]] = {
    "font": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "domain": False,
        "tickSize": 4,
    },
    "axisY": {"labelLimit": 260},
    "legend": {"labelFontSize": 12, "orient": "bottom", "columns": 3, "symbolSize": 80, "labelLimit": 240},
    "title": {"anchor": "start", "fontSize": 14, "fontWeight": 600},
    "header": {"labelFontSize": 12, "labelFontWeight": 600},
}
_ESI: Final = "Export similarity, 0 to 1"
_ENDS: Final = ("esi_low:Q", "esi_high:Q")
Rows = alt.NamedData | alt.InlineData


def over_time(rows: Rows = FEED, *, has_bands: bool = False) -> alt.LayerChart:
    """Lines over years, each with its name at the end: year, esi, series; with bands also esi_low and esi_high.

    Rows as `line_names.with_names` gives them.
    """
    colours, dashes, shapes = (alt.Scale(range=one) for one in (COLOURS, DASHES, SHAPES))
    base = alt.Chart(rows).encode(
        x=_years(),
        y=alt.Y("esi:Q", title=_ESI, axis=alt.Axis(tickCount=5, format=".3~f")),
        tooltip=_tooltip("series:N", "year:Q", "esi:Q", *(_ENDS if has_bands else ())),
    )
    bands = (
        alt.Chart(rows)
        .mark_area(opacity=0.16)
        .encode(
            x=_years(),
            y=alt.Y("esi_low:Q", title=_ESI),
            y2="esi_high:Q",
            fill=alt.Fill("series:N", sort=None, scale=colours, legend=None),
        )
    )
    # Stroke, not colour: only then the legend of the points holds colour and symbol in one.
    lines = base.mark_line(strokeWidth=2).encode(
        stroke=alt.Stroke("series:N", sort=None, scale=colours, legend=None),
        strokeDash=alt.StrokeDash("series:N", sort=None, scale=dashes, legend=None),
    )
    points = base.mark_point(filled=True, size=44, opacity=1).encode(
        color=alt.Color("series:N", sort=None, scale=colours, legend=None),
        shape=alt.Shape("series:N", sort=None, scale=shapes, legend=None),
    )
    names = (
        alt.Chart(rows)
        .transform_filter("isValid(datum.end)")
        .mark_text(align="left", dx=9, fontSize=12, limit=LABEL)
        .encode(
            x=_years("end_year:Q"),
            y=alt.Y("end_esi:Q", title=_ESI),
            text="end:N",
            color=alt.Color("series:N", sort=None, scale=colours, legend=None),
        )
    )
    return _layers(*([bands] if has_bands else ()), lines, points, names)


def standing(rows: Rows = FEED, *, has_bands: bool = False) -> alt.LayerChart:
    """Similarities of one year, best first: label, esi; with bands also esi_low and esi_high."""
    return _layers(*_bars(rows, alt.Text("esi:Q", format=".3f"), has_bands=has_bands))


def nearest(rows: Rows = FEED, *, has_bands: bool = False, has_before: bool = True) -> alt.LayerChart:
    """Most similar countries, best first: label, esi, told; with an earlier year also before, null where missing."""
    bars = _bars(rows, alt.Text("told:N"), has_bands=has_bands)
    if not has_before:
        return _layers(*bars)
    ticks = (
        alt.Chart(rows)
        .transform_filter("isValid(datum.before)")
        .mark_tick(thickness=2.5, height=18, color=COLOURS[1])
        .encode(x=alt.X("before:Q", title=_ESI), y=_names("label:N"), tooltip=_tooltip("label:N", "before:Q"))
    )
    return _layers(*bars, ticks)


def _bars(rows: Rows, text: alt.Text, *, has_bands: bool) -> list[alt.Chart]:
    """Bars, with bands their intervals, and a text beside each."""
    base = alt.Chart(rows).encode(
        x=alt.X("esi:Q", title=_ESI, scale=alt.Scale(zero=True), axis=alt.Axis(tickCount=5, format=".3~f")),
        y=_names("label:N"),
        tooltip=_tooltip("label:N", "esi:Q", *(_ENDS if has_bands else ())),
    )
    spans = (
        alt.Chart(rows)
        .mark_rule(strokeWidth=3, color=COLOURS[1])
        .encode(x=alt.X("esi_low:Q", title=_ESI), x2="esi_high:Q", y=_names("label:N"))
    )
    where = alt.X("esi_high:Q" if has_bands else "esi:Q")
    told = base.mark_text(align="left", dx=5, fontSize=11).encode(x=where, text=text)
    return [base.mark_bar(height=12, color=COLOURS[0]), *([spans] if has_bands else ()), told]


def ranks(rows: Rows = FEED, *, has_rest: bool = True) -> alt.LayerChart:
    """Ranks over years: year, rank, name, series (name of a chosen country, else empty), is_last.

    Without `has_rest`, no layer for other countries: Vega warns of an empty layer.
    """
    drawn = alt.Chart(rows).encode(
        x=_years(),
        y=alt.Y(
            "rank:Q", title="Rank, 1 = most similar", scale=alt.Scale(reverse=True, zero=False, nice=False),
            axis=alt.Axis(tickMinStep=1, grid=False, format="d"),
        ),
        detail="name:N",
        tooltip=_tooltip("name:N", "year:Q", "rank:Q", "esi:Q"),
    )  # fmt: skip
    chosen = drawn.transform_filter("datum.series !== ''").encode(
        color=alt.Color("series:N", sort=None, scale=alt.Scale(range=COLOURS), legend=None)
    )
    dash = alt.StrokeDash("series:N", sort=None, scale=alt.Scale(range=DASHES), legend=None)
    shape = alt.Shape("series:N", sort=None, scale=alt.Scale(range=SHAPES), legend=None)
    rest = drawn.transform_filter("datum.series === ''")
    label = drawn.transform_filter("datum.is_last").mark_text(align="left", dx=8, fontSize=11, clip=False)
    grey = [
        rest.mark_line(strokeWidth=1, color="#94a3b8"),
        rest.mark_point(size=14, filled=True, opacity=1, color="#94a3b8"),
    ]
    return _layers(
        *(grey if has_rest else ()),
        chosen.mark_line(strokeWidth=2.5).encode(strokeDash=dash),
        chosen.mark_point(size=60, filled=True, opacity=1).encode(shape=shape),
        label.encode(text="name:N"),
    )  # fmt: skip


def shared(rows: Rows = FEED, *, has_before: bool = True) -> alt.LayerChart:
    """Contributions by section in a year and an earlier year: label, last, and with `has_before` first."""
    base = alt.Chart(rows).encode(y=_names("label:N"))
    bars = base.mark_bar(height=11, color=COLOURS[0])
    if not has_before:
        return _layers(bars.encode(x=_contribution("last:Q"), tooltip=_tooltip("label:N", "last:Q")))
    tooltip = _tooltip("label:N", "first:Q", "last:Q", "change:Q")
    ticks = base.mark_tick(thickness=2.5, height=18, color=COLOURS[1])
    return _layers(
        bars.encode(x=_contribution("last:Q"), tooltip=tooltip),
        ticks.encode(x=_contribution("first:Q"), tooltip=tooltip),
    )


def change(rows: Rows = FEED) -> alt.Chart:
    """Change of the contribution of each section, percentage points: label, change."""
    falls = alt.condition("datum.change < 0", alt.value(COLOURS[1]), alt.value(COLOURS[2]))
    drawn: alt.Chart = (
        alt.Chart(rows)
        .mark_bar(height=11)
        .encode(
            x=alt.X("change:Q", title="Change, percentage points", axis=alt.Axis(tickCount=5)),
            y=_names("label:N"),
            color=falls,
            tooltip=_tooltip("label:N", "change:Q"),
        )
    )
    return drawn


def coefficients(rows: Rows = FEED) -> alt.LayerChart:
    """Estimates of one regressor with 95 % intervals: model, coefficient, low, high."""
    base = alt.Chart(rows).encode(
        y=alt.Y("model:N", sort=None, title=None, axis=alt.Axis(ticks=False, grid=False))
    )
    tooltip = _tooltip("model:N", "coefficient:Q", "low:Q", "high:Q")
    few = alt.Axis(tickCount=4, grid=False)
    return _layers(
        alt.Chart(rows).mark_rule(strokeDash=[3, 3], color="#94a3b8").encode(x=alt.datum(0)),
        base.mark_rule(strokeWidth=2, color=COLOURS[0]).encode(
            x=alt.X("low:Q", title=None, axis=few, scale=alt.Scale(zero=True, padding=12)),
            x2="high:Q",
            tooltip=tooltip,
        ),
        base.mark_point(filled=True, size=70, opacity=1, color=COLOURS[0]).encode(
            x=alt.X("coefficient:Q"), tooltip=tooltip
        ),
    )


def matrix(rows: Rows, order: list[str]) -> alt.Chart:
    """Heat map of one year, rows and columns in a given order: reporter, reference, esi. The page has its own."""
    drawn: alt.Chart = (
        alt.Chart(rows, width=alt.Step(15), height=alt.Step(15))
        .mark_rect()
        .encode(
            x=alt.X("reference:N", sort=order, title="Reference", axis=alt.Axis(labelAngle=-90, ticks=False)),
            y=alt.Y("reporter:N", sort=order, title="Country", axis=alt.Axis(ticks=False)),
            color=alt.Color("esi:Q", title=_ESI, scale=alt.Scale(scheme="blues", domainMin=0)),
        )
    )
    return drawn


@cache
def page_specs() -> dict[str, Any]:
    """Specifications of the charts of the page, by name; the page adds data, and the height of charts with bars."""
    high = {
        "over_time": over_time().properties(height=360),
        "over_time_bands": over_time(has_bands=True).properties(height=360),
        "ranks": ranks().properties(height=420),
        "ranks_chosen": ranks(has_rest=False).properties(height=420),
    }
    bars = {
        "standing": standing(),
        "standing_bands": standing(has_bands=True),
        "nearest": nearest(),
        "nearest_bands": nearest(has_bands=True),
        "nearest_once": nearest(has_before=False),
        "nearest_once_bands": nearest(has_before=False, has_bands=True),
        "shared": shared(),
        "shared_once": shared(has_before=False),
        "change": change(),
        "coefficients": coefficients(),
    }
    charts = {name: chart.properties(width="container") for name, chart in (high | bars).items()}
    return {name: chart.to_dict(validate=False) for name, chart in charts.items()}


def _layers(*charts: alt.Chart) -> alt.LayerChart:
    return alt.LayerChart(layer=list(charts))


def _years(field: str = "year:Q") -> alt.X:
    axis = alt.Axis(format="d", tickMinStep=1, grid=False, labelOverlap=True)
    return alt.X(field, title=None, axis=axis, scale=alt.Scale(zero=False, nice=False, padding=12))


def _contribution(field: str) -> alt.X:
    axis = alt.Axis(tickCount=5, format=".3~f")
    return alt.X(field, title="Contribution to the similarity", axis=axis)


def _names(field: str) -> alt.Y:
    return alt.Y(field, sort=None, title=None, axis=alt.Axis(ticks=False, grid=False))


def _tooltip(*fields: str) -> list[alt.Tooltip]:
    forms = {
        "esi": ".4f",
        "esi_low": ".4f",
        "esi_high": ".4f",
        "before": ".4f",
        "first": ".4f",
        "last": ".4f",
        "change": "+.3f",
    }
    forms |= dict.fromkeys(("coefficient", "low", "high"), ".4g")
    titles = {
        "series": "Country and reference",
        "esi": "Similarity",
        "esi_low": "Lowest",
        "esi_high": "Highest",
        "before": "In the earlier year",
    }
    return [
        alt.Tooltip(field, title=titles.get(name, name.capitalize()), format=forms.get(name, ""))
        for field in fields
        for name in [field.partition(":")[0]]
    ]
