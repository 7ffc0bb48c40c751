"""Data of the page: its JSON, and packed numbers in separate elements."""

from __future__ import annotations

import zlib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from minsum.report.choice import Shown
from minsum.report.cube import Measure
from minsum.report.options import SECTION_TITLES, PageOptions
from minsum.report.placing import picture_of
from minsum.workspace.layout import Layout

DARKEST: Final = 0.995
"""Quantile of the similarities from which the heat map has its last colour."""
GRID: Final = 0.001
"""Places of the picture are rounded to multiples of it; differences between processors are smaller."""
MARKET_ROWS: Final = 200_000
"""Similarities within markets that the page holds, 8 bytes each before compression."""


@dataclass(slots=True)
class Blobs:
    """Packed numbers, each in an element of its own.

    Attributes
    ----------
    texts
        Element to text.
    """

    texts: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, values: Any) -> str:
        """Pack numbers; returns the id of their element."""
        element = f"packed-{name}"
        self.texts[element] = _packed(np.asarray(values, dtype=np.float64))
        return element

    def table(self, name: str, frame: pl.DataFrame, labels: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """Pack a table; a column with labels is stored as indices into its labels."""
        columns = {}
        for column in frame.columns:
            values = frame[column]
            known = labels.get(column)
            if known is not None:
                values = values.replace_strict(known, list(range(len(known))), return_dtype=pl.Float64)
            element = self.add(f"{name}-{column}", values.to_numpy())
            columns[column] = {"id": element} | ({"labels": list(known)} if known is not None else {})
        return {"columns": columns}


def _packed(values: NDArray[np.float64]) -> str:
    """Numbers as text: float64, little-endian, split by byte, deflated, base64. No bit is lost."""
    planes = np.ascontiguousarray(values, dtype="<f8").view(np.uint8).reshape(-1, 8).T
    return b64encode(zlib.compress(np.ascontiguousarray(planes).tobytes(), 9)).decode("ascii")


def classification_record(shown: Shown, options: PageOptions, blobs: Blobs) -> dict[str, Any]:
    """Labels, defaults and picture of one classification, and the elements that hold its numbers."""
    cube, choice = shown.cube, shown.choice
    picture = picture_of(cube, shown.exporters)
    known = np.append(cube.esi.pairs[np.isfinite(cube.esi.pairs)], 0.0)

    def held(name: str, measure: Measure) -> dict[str, str]:
        kind = f"{name}-{cube.classification}"
        return {
            "pairs": blobs.add(f"pairs-{kind}", measure.pairs),
            "composites": blobs.add(f"composites-{kind}", measure.with_composites),
        }

    return {
        "classification": cube.classification,
        "years": cube.years,
        "countries": cube.countries,
        "composites": cube.composites,
        "members": {one: options.members(one, cube.years[-1]) for one in cube.composites},
        "reporters": cube.reporters,
        "reference": choice.reference,
        "chosen": choice.countries,
        "leaders": choice.leaders,
        "order": picture.order,
        "groups": picture.groups,
        "stress": [round(one, 3) if np.isfinite(one) else None for one in picture.stress.tolist()],
        "places_id": blobs.add(f"places-{cube.classification}", np.rint(picture.places / GRID)),
        "top": max(float(np.ceil(np.quantile(known, DARKEST) * 20) / 20), 0.05),
        "esi_ids": held("esi", cube.esi),
        "ends_ids": cube.ends and {end: held(end, one) for end, one in narrow_ends(*cube.ends).items()},
    }


def narrow_ends(low: Measure, high: Measure) -> dict[str, Measure]:
    """Ends of the intervals as float32, rounded outward, so that they take a third of the room; NaN where both are the
    similarity itself."""
    ends = {}
    for name, which, outward in (("low", low, -np.inf), ("high", high, np.inf)):
        parts = []
        for values, lows, highs in (
            (which.pairs, low.pairs, high.pairs),
            (which.with_composites, low.with_composites, high.with_composites),
        ):
            short = values.astype(np.float32)
            is_inside = (short > values) if outward < 0 else (short < values)
            short = np.where(is_inside, np.nextafter(short, np.float32(outward)), short)
            parts.append(np.where(highs > lows, short, np.nan))
        ends[name] = Measure(*parts)
    return ends


def section_table(layout: Layout, shown: Sequence[Shown], *, blobs: Blobs) -> dict[str, Any]:
    """Contributions by section."""
    names = {"classification": pl.String, "year": pl.Int16, "reporter": pl.String, "reference": pl.String}
    table = pl.DataFrame(schema=names | {"section": pl.String, "contribution": pl.Float64})
    # The last year first: it has the references in the order of their choice.
    for path in sorted(layout.yearly("section_esi"), key=lambda one: (one.parent, -int(one.stem))):
        rows = pl.read_parquet(path, glob=False, hive_partitioning=False)
        kind = pl.lit(path.parent.name.partition("=")[2])
        table = table.vstack(rows.select(kind.alias("classification"), pl.all()))
    labels = {
        "classification": [one.cube.classification for one in shown],
        "reporter": table["reporter"].unique().sort().to_list(),
        "reference": table["reference"].unique(maintain_order=True).to_list(),
        "section": list(SECTION_TITLES),
    }
    return blobs.table("sections", table, labels)


def market_table(
    layout: Layout, shown: Sequence[Shown], *, options: PageOptions, blobs: Blobs
) -> dict[str, Any] | None:
    """Similarities within markets in the last year, and their references by classification."""
    members = [label for one in options.references.values() for label in one.members]
    parts, references = [], {}
    for one in shown:
        kind = one.cube.classification
        files = [path for path in layout.yearly("market_esi") if path.parent.name.endswith(f"={kind}")]
        if not files:
            continue
        last = max(files, key=lambda path: int(path.stem))
        rows = pl.read_parquet(last, glob=False).select("year", "market", "reporter", "reference", "esi")
        chosen = _within_budget(rows, [*members, *one.choice.leaders, *one.cube.countries])
        references[kind] = chosen
        is_chosen = pl.col("reporter").is_in(chosen) | pl.col("reference").is_in(chosen)
        parts.append(rows.filter(is_chosen).with_columns(classification=pl.lit(kind)))
    if not parts:
        return None
    table = pl.concat(parts)
    text = [name for name, dtype in table.schema.items() if dtype == pl.String]
    labels = {name: table[name].unique().sort().to_list() for name in text}
    return blobs.table("markets", table, labels) | {"references": references}


def _within_budget(rows: pl.DataFrame, wanted: Sequence[str]) -> list[str]:
    """As many countries as `MARKET_ROWS` allows, in the wanted order; at least one country."""
    sides = pl.concat([rows["reporter"], rows["reference"]]).value_counts()
    rows_of = dict(sides.iter_rows())
    chosen: list[str] = []
    total = 0
    for country in dict.fromkeys(one for one in wanted if one in rows_of):
        total += rows_of[country]
        if chosen and total > MARKET_ROWS:
            break
        chosen.append(country)
    return chosen


def estimate_rows(layout: Layout, names: Sequence[str]) -> pl.DataFrame | None:
    """Estimates of these specifications, in their order; None without specifications."""
    files = [layout.estimate(name) for name in names]
    return pl.concat([pl.read_parquet(path, glob=False) for path in files], how="diagonal") if files else None


def columns_of(frame: pl.DataFrame) -> dict[str, list[Any]]:
    """Columns for JSON; values that are not finite become null."""
    floats = [name for name, dtype in frame.schema.items() if dtype.is_float()]
    finite = [pl.when(pl.col(name).is_finite()).then(name).alias(name) for name in floats]
    return frame.with_columns(finite).to_dict(as_series=False)
