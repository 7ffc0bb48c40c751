"""Finds the format of a table among the modules of this package."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from pathlib import Path

from minsum.errors import DataCheckError
from minsum.panel.covariates.base import CovariateFormat
from minsum.panel.covariates.grid import Grid


@cache
def covariate_formats() -> tuple[CovariateFormat, ...]:
    """Every format, the constant `FORMAT` of each module that has one: publishers' own first, then by name."""
    names = sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    modules = [importlib.import_module(f"{__package__}.{name}") for name in names]
    found = [module.FORMAT for module in modules if hasattr(module, "FORMAT")]
    return tuple(sorted(found, key=lambda known: (known.keeps_all, known.name)))


def recognise_grid(grid: Grid) -> tuple[CovariateFormat, int] | None:
    """The format of a table and the position of its header; None for one that only accompanies data.

    Raises
    ------
    DataCheckError
        If the table fits no format; the message quotes its first line.
    """
    for known in covariate_formats():
        header = known.header(grid)
        if header is not None:
            return known, header
    if is_companion(grid):
        return None
    first = next((row for row in grid.head if any(row)), ())
    found = ", ".join(cell for cell in first if cell)
    raise DataCheckError(
        f"{grid.name}: fits no covariate format that minsum reads; it starts with {found[:200]!r}",
        "minsum reads: " + "; ".join(known.title for known in covariate_formats()),
    )


def is_companion(grid: Grid) -> bool:
    """Whether a table is metadata that a publisher ships beside its data."""
    return any(grid.head[0][:2] == names for known in covariate_formats() for names in known.companions)
