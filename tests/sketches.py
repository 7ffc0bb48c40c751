"""Sketches in place of charts: the data a chart would show, and how it would show them, as text.

A chart is made and drawn in half a second, most of what a run of a small workspace takes.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from unittest.mock import patch


class Sketch:
    """What a chart is made of; grows as the chart is given a size, a title, facets."""

    def __init__(self, *made_of: object) -> None:
        self.text = repr(made_of)

    def __getattr__(self, name: str) -> Callable[..., Sketch]:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *given, **named: Sketch(self.text, name, given, named)


def sketched(name: str) -> Callable[..., Sketch]:
    return lambda *given, **named: Sketch(name, given, named)


def drawn(sketch: Sketch) -> tuple[str, bytes]:
    return sketch.text, b"png"


def undrawn() -> AbstractContextManager[object]:
    """Within this block figures are sketches."""
    charts = {name: sketched(name) for name in ("coefficients", "matrix", "over_time", "ranks", "standing")}
    return patch.multiple("minsum.report.figures", drawn=drawn, **charts)
