"""Options of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from minsum.countries.groups import expand_groups
from minsum.schema import SECTIONS
from minsum.settings.esi import Composite
from minsum.settings.load import WHERE_ONLY, Settings

SECTION_TITLES = {name: words for name, _, _, words in SECTIONS}
"""Section of the HS to its title."""


@dataclass(frozen=True, slots=True)
class PageOptions:
    """Settings and versions on which the page depends, beside the tables of the workspace.

    Attributes
    ----------
    settings
        Settings of the workspace; `shown` returns those at the foot of the page.
    versions
        Library to version, shown at the foot.
    estimates
        Names of the specifications whose estimates are shown, the main one first.
    """

    settings: Settings
    versions: Mapping[str, str] = field(default_factory=dict)
    estimates: Sequence[str] = ()

    @property
    def reporters(self) -> tuple[str, ...]:
        """Reporters of the panel, shown by default; empty without a panel."""
        return self.settings.panel.reporters if self.settings.panel else ()

    @property
    def reference(self) -> str | None:
        """Reference of the panel, shown by default; None without a panel."""
        return (self.settings.panel.reference or None) if self.settings.panel else None

    @property
    def references(self) -> dict[str, Composite]:
        """Composites by name."""
        return self.settings.esi.references

    def members(self, reference: str, year: int) -> list[str]:
        """Countries of a composite in a year, groups as of that year; empty for a country and for the world."""
        composite = self.references.get(reference)
        return expand_groups(composite.members, year) if composite else []

    @property
    def is_paper(self) -> bool:
        """Whether the study replicates the paper."""
        return self.settings.report.paper_notes

    def shown(self) -> dict[str, Any]:
        """Settings at the foot of the page, without paths and machine."""
        return self.settings.model_dump(mode="json", exclude=WHERE_ONLY)

    def recorded(self) -> dict[str, Any]:
        """Options in the mark of the page."""
        return {
            "reporters": self.reporters,
            "reference": self.reference,
            "references": {name: (one.members, one.rule) for name, one in self.references.items()},
            "settings": self.shown(),
            "versions": self.versions,
            "section_titles": SECTION_TITLES,
            "is_paper": self.is_paper,
            "estimates": self.estimates,
        }
