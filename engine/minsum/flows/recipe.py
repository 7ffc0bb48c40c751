"""What footers of the lake, and records of what did not get there, keep of the settings."""

from __future__ import annotations

from typing import Final

from minsum.settings.flows import Ingest
from minsum.sources.formats import formats
from minsum.workspace.footers import Footer

RECIPE: Final = "flows-3"
"""Changes whenever the same input would give another file; older partitions are then made anew. 2: proof in the footer.
3: codes that are mended or refused, products of fewer digits; which reporter-year it is, and for each source what it was
asked for."""


def recipe(options: Ingest) -> Footer:
    """What is stored in footers; a partition with another recipe is made anew."""
    found: Footer = {"version": RECIPE, "flows": sorted(options.flows)}
    if options.columns:
        found["columns"] = sorted(set(options.columns))
    return found


def rejection_recipe(options: Ingest) -> Footer:
    """What decides whether a source is rejected; under another one it is read again."""
    known = sorted(known.name for known in formats())
    return recipe(options) | {"classification": options.classification, "formats": known}
