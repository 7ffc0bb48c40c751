"""Lists the covariate formats and recognises the format of a table."""

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
    """Every format (constant `FORMAT` of the modules here): publishers' formats first, then by name."""
    names = sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    modules = [importlib.import_module(f"{__package__}.{name}") for name in names]
    found = [module.FORMAT for module in modules if hasattr(module, "FORMAT")]
    return tuple(sorted(found, key=lambda known: (known.keeps_all, known.name)))


def recognise_grid(grid: Grid) -> tuple[CovariateFormat, int] | None:
    """The format of a table and the position of its header; None for metadata.

    Raises
    ------
    DataCheckError
        If the table has no known format; the message quotes its first line.
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
        f"{grid.name}: not a covariate format that minsum reads; it starts with {found[:200]!r}",
        "minsum reads: " + "; ".join(known.title for known in covariate_formats()),
    )


def is_companion(grid: Grid) -> bool:
    """Whether a table is metadata that a publisher ships beside its data."""
    return any(grid.head[0][:2] == names for known in covariate_formats() for names in known.companions)
