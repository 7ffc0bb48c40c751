"""Options of the harmonisation of HS vintages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Method = Literal["un", "weights"]
Successors = Literal["keep", "merge"]


@dataclass(frozen=True, slots=True)
class HarmoniseOptions:
    """`[harmonise]` (docs/vintages.md).

    Attributes
    ----------
    target
        Vintage to which every reporter-year is converted before shares are computed.
    method
        `un`: the Conversion sheets, one target for each code. `weights`: the weight files in `tables`; a step
        without weights takes the Conversion sheet.
    tables
        Folder of weight files or UN workbooks, relative to the workspace; None means the shipped tables.
    successors
        `merge`: treat predecessor and successor states as one country over all years.
    """

    target: str
    method: Method = "un"
    tables: str | None = None
    successors: Successors = "keep"
