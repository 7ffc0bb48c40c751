"""What the sections of minsum.toml are made of: frozen, no unknown names, countries understood."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A section of minsum.toml or of a spec file; the stage takes it as it is.

    The docstring of a section and the descriptions of its fields are the comments that `minsum init` writes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")


def _countries(given: tuple[str, ...]) -> tuple[str, ...]:
    from minsum.countries.suggestions import known_labels

    return known_labels(given) if given else ()


Year = Annotated[int, Field(ge=1900, le=2200)]
Vintage = Annotated[str, Field(pattern=r"^H[0-6]$")]
COMPOSITE: Final = re.compile(r"[a-z][a-z0-9_]*")
"""Names of composites, in small letters; labels of countries are in capitals."""
Countries = Annotated[tuple[str, ...], AfterValidator(_countries)]
"""Labels of countries as Comtrade writes them; other publishers' codes for one country are understood."""
Share = Annotated[float, Field(ge=0, le=1)]
