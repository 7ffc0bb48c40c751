"""Settings that are stored with results: in footers of the lake, and in rejection records."""

from __future__ import annotations

from typing import Final

from minsum.settings.flows import Ingest
from minsum.sources.formats import formats
from minsum.workspace.footers import Footer

RECIPE: Final = "flows-3"
"""Changes whenever the same input would give another file; older partitions are then made anew. 2: checksum in the
footer. 3: codes that are repaired or refused, products of fewer digits; the reporter-year, and the options each
source was read with."""


def recipe(options: Ingest) -> Footer:
    """Settings stored in footers; a partition with another recipe is made anew."""
    found: Footer = {"version": RECIPE, "flows": sorted(options.flows)}
    if options.columns:
        found["columns"] = sorted(set(options.columns))
    return found


def rejection_recipe(options: Ingest) -> Footer:
    """Settings that decide whether a source is rejected; when they change, the source is read again."""
    known = sorted(known.name for known in formats())
    return recipe(options) | {"classification": options.classification, "formats": known}
