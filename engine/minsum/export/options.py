"""What decides a release beyond the workspace's tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from minsum.settings.load import Export, Settings

Format = Literal["parquet", "csv", "dta"]
FORMATS: Final[tuple[Format, ...]] = ("parquet", "csv", "dta")


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What decides a release beyond the workspace's tables.

    Attributes
    ----------
    cited
        `[export]`: what the citation says.
    formats
        Each table is written in each of them.
    settings
        Those that decide the numbers, as JSON holds them.
    versions
        Of minsum and the libraries that decide the numbers.
    covariates
        Files of the covariate folder to their SHA-256.
    """

    cited: Export
    formats: tuple[Format, ...] = FORMATS
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    covariates: Mapping[str, str] = field(default_factory=dict)


_NO_FIGURES: Final = {"cluster", "cluster_patience", "fetch", "check", "report", "export"}
"""Settings that decide no figure of a release."""


def export_options(
    settings: Settings, formats: Sequence[Format], versions: dict[str, str], *, covariates: dict[str, str]
) -> ExportOptions:
    """`[export]`, with what the figures were made from."""
    return ExportOptions(
        settings.export,
        tuple(formats),
        settings=settings.model_dump(mode="json", exclude=_NO_FIGURES, exclude_none=True),
        versions=versions,
        covariates=covariates,
    )
