"""Base class and types of the sections of minsum.toml: frozen, unknown names refused, country labels normalised."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A section of minsum.toml or of a spec file; its stage takes this object.

    The docstring of a section and the descriptions of its fields are the comments that `minsum init` writes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")


def _countries(given: tuple[str, ...]) -> tuple[str, ...]:
    from minsum.countries.suggestions import known_labels

    return known_labels(given) if given else ()


Year = Annotated[int, Field(ge=1900, le=2200)]
Vintage = Annotated[str, Field(pattern=r"^H[0-6]$")]
COMPOSITE: Final = re.compile(r"[a-z][a-z0-9_]*")
"""Names of composites: lower case, because labels of countries are upper case."""
Countries = Annotated[tuple[str, ...], AfterValidator(_countries)]
"""Country labels as Comtrade writes them; codes of other publishers are converted."""
Share = Annotated[float, Field(ge=0, le=1)]
