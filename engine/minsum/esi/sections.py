"""Chapters and sections of the Harmonized System, and where they start among sorted product codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from minsum.arguments import one_of
from minsum.marks import Mark, Plan, plan_of
from minsum.workspace import Layout

By = Literal["section", "chapter", "product"]

SECTIONS: Final = (
    ("I", 1, 5, "live animals; animal products"),
    ("II", 6, 14, "vegetable products"),
    ("III", 15, 15, "fats and oils"),
    ("IV", 16, 24, "prepared food, beverages, tobacco"),
    ("V", 25, 27, "mineral products"),
    ("VI", 28, 38, "chemicals"),
    ("VII", 39, 40, "plastics and rubber"),
    ("VIII", 41, 43, "hides, leather, furs"),
    ("IX", 44, 46, "wood, cork, basketware"),
    ("X", 47, 49, "pulp and paper"),
    ("XI", 50, 63, "textiles and clothing"),
    ("XII", 64, 67, "footwear, headgear, umbrellas"),
    ("XIII", 68, 70, "stone, ceramics, glass"),
    ("XIV", 71, 71, "pearls, precious stones and metals"),
    ("XV", 72, 83, "base metals"),
    ("XVI", 84, 85, "machinery and electrical equipment"),
    ("XVII", 86, 89, "vehicles, aircraft, vessels"),
    ("XVIII", 90, 92, "instruments, clocks"),
    ("XIX", 93, 93, "arms and ammunition"),
    ("XX", 94, 96, "furniture, toys, miscellaneous"),
    ("XXI", 97, 97, "works of art, antiques"),
    ("other", 98, 99, "national use and unspecified"),
)
"""Name, first and last chapter, content: the Harmonized System's 21 sections, the same in every vintage, and
what is outside them. Chapter 77 is reserved."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A section, chapter or product.

    Attributes
    ----------
    name
        A Roman number, two digits, or the product's code.
    title
        What is in it; of a product, in its section.
    """

    name: str
    title: str


def segments_of(products: Sequence[str], by: By) -> tuple[list[Segment], list[int]]:
    """Segments of ascending product codes, and the borders between them as `segment_min_sum` takes them.

    Raises
    ------
    UsageError
        If `by` is none of section, chapter and product.
    """
    one_of(by, get_args(By), argument="by")
    segments: list[Segment] = []
    bounds: list[int] = []
    for position, product in enumerate(products):
        segment = segment_of(product, by)
        if not segments or segment != segments[-1]:
            segments.append(segment)
            bounds.append(position)
    return segments, [*bounds, len(products)]


def segment_of(product: str, by: By) -> Segment:
    """The section or chapter of a product, or itself."""
    number = int(product[:2])
    name, title = next((name, title) for name, first, last, title in SECTIONS if first <= number <= last)
    return Segment({"section": name, "chapter": product[:2], "product": product}[by], title)


_RECIPE: Final = "sections-1"
BUDGET: Final = 500_000
"""Contributions in the table, so that the page that holds them stays small: 8 bytes each before compression."""


def sections_plan(layout: Layout, esi: Mapping[Path, str]) -> Plan:
    """Whether `report/section_esi.parquet` is what the similarities (file to digest) make it."""
    inputs = [[path.parent.name, path.stem, mark] for path, mark in esi.items()]
    mark = Mark("section_esi", _RECIPE, [BUDGET, len(SECTIONS)], inputs)
    return plan_of(
        {layout.sections: mark} if esi else {}, [layout.sections] if layout.sections.is_file() else []
    )
