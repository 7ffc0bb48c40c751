"""Chapters and sections of the Harmonized System, and where they start among sorted product codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from minsum.errors import one_of
from minsum.schema import SECTIONS

By = Literal["section", "chapter", "product"]


@dataclass(frozen=True, slots=True)
class Segment:
    """A section, chapter or product.

    Attributes
    ----------
    name
        Roman number of a section, two digits of a chapter, or product code.
    title
        Title of the section or chapter; of a product, of its section.
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
    """The section or chapter of a product, or the product itself."""
    number = int(product[:2])
    name, title = next((name, title) for name, first, last, title in SECTIONS if first <= number <= last)
    return Segment({"section": name, "chapter": product[:2], "product": product}[by], title)
