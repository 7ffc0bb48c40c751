"""What decides the page besides the tables of the workspace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from minsum.schema import SECTIONS

if TYPE_CHECKING:
    from minsum.settings.sections import Settings


@dataclass(frozen=True, slots=True)
class PageOptions:
    """What decides the page besides the tables of the workspace.

    Attributes
    ----------
    reporters, reference
        Of the panel, shown first; empty and None without a panel.
    references
        Composite to its members and rule.
    settings
        All of the workspace, shown at the foot.
    versions
        Library to version, shown at the foot.
    section_titles
        Section of the HS to what is in it.
    is_paper
        Whether the study replicates the paper.
    estimates
        Names of the specifications whose estimates are shown, the main one first.
    """

    reporters: Sequence[str] = ()
    reference: str | None = None
    references: Mapping[str, tuple[Sequence[str], str]] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    section_titles: Mapping[str, str] = field(default_factory=dict)
    is_paper: bool = False
    estimates: Sequence[str] = ()


def page_options(
    settings: Settings, versions: dict[str, str], *, estimates: Sequence[str] = ()
) -> PageOptions:
    """What the page shows and says of its making."""
    panel = settings.panel
    return PageOptions(
        reporters=panel.reporters if panel else (),
        reference=(panel.reference or None) if panel else None,
        references={name: (one.members, one.rule) for name, one in settings.esi.references.items()},
        settings=settings.model_dump(mode="json"),
        versions=versions,
        section_titles={name: words for name, _, _, words in SECTIONS},
        is_paper=settings.report.paper_notes,
        estimates=tuple(estimates),
    )
