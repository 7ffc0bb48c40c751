"""From the settings to the options of the stages, which know nothing of settings."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from minsum.esi.options import EsiOptions
    from minsum.export.options import ExportOptions, Format
    from minsum.fetch.options import FetchOptions
    from minsum.flows.options import IngestOptions
    from minsum.panel import PanelOptions
    from minsum.report.options import PageOptions
    from minsum.settings import Fetch, Panel, Rule, Settings


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
    from minsum.covariates import Variable
    from minsum.panel import PanelOptions

    chosen = section.model_dump()
    variables = {name: Variable(**one.model_dump()) for name, one in section.recipes().items()}
    return PanelOptions(**chosen | {
        "reference": section.reference_of(composites), "variables": variables, "asked": tuple(section.variables),
    })  # fmt: skip


def page_options(
    settings: Settings, versions: dict[str, str], *, estimates: Sequence[str] = ()
) -> PageOptions:
    """What the page shows and says of its making."""
    from minsum.esi.sections import SECTIONS
    from minsum.report.options import PageOptions

    panel = settings.panel
    return PageOptions(
        reporters=panel.reporters if panel else (),
        reference=(panel.reference or None) if panel else None,
        references=_references(settings),
        settings=settings.model_dump(mode="json"),
        versions=versions,
        section_titles={name: words for name, _, _, words in SECTIONS},
        is_paper=settings.report.paper_notes,
        estimates=tuple(estimates),
    )


_NO_FIGURES: Final = {"fetch", "check", "report", "export"}
"""Sections that decide no figure of a release."""


def export_options(
    settings: Settings, formats: Sequence[Format], versions: dict[str, str], *, covariates: dict[str, str]
) -> ExportOptions:
    """Of `[export]`, with what the figures were made from."""
    from minsum.export.options import ExportOptions

    return ExportOptions(
        **settings.export.model_dump(),
        formats=tuple(formats),
        settings=settings.model_dump(mode="json", exclude=_NO_FIGURES, exclude_none=True),
        versions=versions,
        covariates=covariates,
    )


def _references(settings: Settings) -> dict[str, tuple[tuple[str, ...], Rule]]:
    """Composite references: members and rule by name."""
    return {name: (one.members, one.rule) for name, one in settings.esi.references.items()}
