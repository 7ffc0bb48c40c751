"""From the settings to the options of the stages, which know nothing of settings."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minsum.esi.options import EsiOptions
    from minsum.fetch.options import FetchOptions
    from minsum.flows.options import IngestOptions
    from minsum.panel.stage import PanelOptions
    from minsum.settings.sections import Fetch, Panel, Rule, Settings


def fetch_options(section: Fetch) -> FetchOptions:
    """Of `[fetch]`, but how long files are kept."""
    from minsum.fetch.options import FetchOptions

    return FetchOptions(**section.model_dump(exclude={"keep"}))


def ingest_options(settings: Settings) -> IngestOptions:
    """Of `[ingest]`."""
    from minsum.flows.options import IngestOptions

    return IngestOptions(**settings.ingest.model_dump())


def esi_options(settings: Settings) -> EsiOptions:
    """Of `[esi]`, and of the other similarities that the settings ask for."""
    from minsum.esi.options import EsiOptions, MarketOptions, MirrorOptions
    from minsum.harmonise.options import HarmoniseOptions

    chosen = settings.esi.model_dump()
    markets = settings.market_esi and MarketOptions(**settings.market_esi.model_dump())
    harmonise = settings.harmonise and HarmoniseOptions(**settings.harmonise.model_dump())
    asked = {
        "market_esi": markets,
        "complementarity": settings.complementarity is not None,
        "destination_esi": settings.destination_esi is not None,
        "overlap_usd": settings.destination_esi is not None and settings.destination_esi.overlap_usd,
        "harmonise": harmonise,
        "mirror": settings.mirror and MirrorOptions(**settings.mirror.model_dump()),
    }
    return EsiOptions(**chosen | asked | {"references": _references(settings)})


def panel_options(section: Panel, composites: Collection[str]) -> PanelOptions:
    """Of `[panel]`; without a reference in it the only composite is taken."""
    from minsum.panel.covariates import Variable
    from minsum.panel.stage import PanelOptions

    chosen = section.model_dump()
    variables = {name: Variable(**one.model_dump()) for name, one in section.recipes().items()}
    return PanelOptions(**chosen | {
        "reference": section.reference_of(composites), "variables": variables, "asked": tuple(section.variables),
    })  # fmt: skip


def _references(settings: Settings) -> dict[str, tuple[tuple[str, ...], Rule]]:
    """Composite references: members and rule by name."""
    return {name: (one.members, one.rule) for name, one in settings.esi.references.items()}
