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


def _each_once(given: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(given)) < len(given):
        raise ValueError(f"a member occurs twice in {list(given)}: name each once")
    return given


def _members(given: tuple[str, ...]) -> tuple[str, ...]:
    from minsum.countries.groups import NAMES
    from minsum.countries.suggestions import known_labels

    countries = iter(_each_once(known_labels(one for one in given if one not in NAMES)))
    return tuple(one if one in NAMES else next(countries) for one in given)


Year = Annotated[int, Field(ge=1900, le=2200)]
Vintage = Annotated[str, Field(pattern=r"^H[0-6]$")]
COMPOSITE: Final = re.compile(r"[a-z][a-z0-9_]*")
"""Names of composites: lower case, because labels of countries are upper case."""
Countries = Annotated[tuple[str, ...], AfterValidator(_countries)]
"""Country labels as Comtrade writes them; codes of other publishers are converted."""
EachOnce = Annotated[Countries, AfterValidator(_each_once)]
Members = Annotated[tuple[str, ...], AfterValidator(_members)]
"""Countries, and groups of countries by their names, such as EU."""
Name = Annotated[str, Field(pattern=f"^{COMPOSITE.pattern}$")]
Share = Annotated[float, Field(ge=0, le=1)]
