"""`[check]`: the limits within which figures are not told."""

from __future__ import annotations

from pydantic import Field

from minsum.settings.base import Section, Share


class Check(Section):
    """What minsum check and minsum run report."""

    world_tolerance: Share = Field(
        default=0.005, description="World and the sum of partners, in relation to World"
    )
    total_tolerance: Share = Field(
        default=0.005,
        description="TOTAL and the sum of products, in relation to TOTAL; and codes of other levels that no product holds, in "
        "relation to the products",
    )
    residual_share: Share = Field(default=0.5, description="codes 9999xx in World trade")
    conflict_share: Share = Field(
        default=0.005, description="lost with rows repeated with other values, in relation to World trade"
    )
    exports_fall: Share = Field(
        default=0.5,
        description="fall of a reporter's exports against the year before, or by a revision (minsum run)",
    )
    esi_move: Share = Field(default=0.2, description="change of a similarity by a revision (minsum run)")

    def recorded(self) -> dict[str, float]:
        """The limits that decide column doubts of `coverage.parquet`, as its footer holds them; without the defaults."""
        return self.model_dump(include={"total_tolerance", "exports_fall"}, exclude_defaults=True)
