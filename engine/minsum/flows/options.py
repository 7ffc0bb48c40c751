"""What decides the rows of the lake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from minsum.countries.codes import codes_named
from minsum.sources.formats import formats
from minsum.workspace.footers import Footer

RECIPE: Final = "flows-3"
"""Changes whenever the same input would give another file; older partitions are then made anew. 2: proof in the footer.
3: codes that are mended or refused, products of fewer digits; which reporter-year it is, and for each source what it was
asked for."""


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """What decides the rows of the lake.

    Attributes
    ----------
    flows
        Comtrade flow codes to keep.
    classification
        HS vintage for files that do not say (BACI under another name).
    reporters
        ISO3 labels of the reporters to keep; empty means all. A label keeps every code that ever carried it.
    columns
        Further columns of the flows (`schema.FIGURES`).
    accept
        Whether a source may leave less than half of what the lake holds (`lake.Lake`).
    """

    flows: tuple[str, ...] = ("DX", "M", "RX", "X")
    classification: str | None = None
    reporters: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    accept: bool = False

    def recipe(self) -> Footer:
        """What is stored in footers; a partition with another recipe is made anew."""
        recipe: Footer = {"version": RECIPE, "flows": sorted(self.flows)}
        if self.columns:
            recipe["columns"] = sorted(set(self.columns))
        return recipe

    def rejection_recipe(self) -> Footer:
        """What decides whether a source is rejected; under another one it is read again."""
        known = sorted(known.name for known in formats())
        return self.recipe() | {"classification": self.classification, "formats": known}

    def reporter_codes(self) -> frozenset[int]:
        """Comtrade codes of the reporters to keep; empty means all.

        Raises
        ------
        SettingsError
            If a label belongs to no country.
        """
        return codes_named(self.reporters, setting="ingest.reporters")
