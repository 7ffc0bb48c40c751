"""`[esi]` and the sections beside it: which similarities are computed, and from which baskets."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from minsum.settings.base import EachOnce, Members, Name, Section, Vintage, Year
from minsum.settings.check import Check


def _one_of_three(level: int) -> int:
    if level not in (2, 4, 6):
        raise ValueError(f"level {level}, expected 6, 4 or 2 digits")
    return level


Level = Annotated[int, AfterValidator(_one_of_three)]
Basis = Literal["X", "DX", "X-RX"]
Residual = Literal["exclude", "keep", "denominator"]
Rule = Literal["pooled", "pooled_minus_self", "mean_share", "mean_esi", "common", "world", "world_minus_self"]
WITHOUT_SELF: Final = ("world_minus_self", "pooled_minus_self")
"""Rules whose reference is another basket for each member."""
WORLD_RULES: Final = ("world", "world_minus_self")
"""Rules over every reporter of the year; they take no members."""


class Composite(Section):
    """Every country is a reference. Composites beside them, under names of your own."""

    members: Members = Field(
        default=(),
        description="ISO3, or groups such as EU, G7 and OECD: those of each year (docs/definitions.md)",
    )
    rule: Rule = Field(
        default="pooled",
        description="pooled | pooled_minus_self | mean_share | mean_esi | common, and without members: world | "
        "world_minus_self (all reporters of the year but the country itself)",
    )

    @model_validator(mode="after")
    def _members_fit_the_rule(self) -> Composite:
        is_world = self.rule in WORLD_RULES
        if is_world and self.members:
            raise ValueError(f"rule {self.rule} takes every reporter: leave members out")
        if not is_world and not self.members:
            raise ValueError(f"rule {self.rule} needs members, such as members = ['USA', 'DEU']")
        return self


class Esi(Section):
    """Similarity of exports (docs/definitions.md)."""

    basis: Basis = Field(default="X", description="X | DX | X-RX")
    level: Level = Field(default=6, description="6 | 4 | 2 digits")
    levels: tuple[Level, ...] = Field(
        default=(), description="such as [6, 4, 2]: these levels side by side in esi_levels/"
    )
    residual: Residual = Field(default="exclude", description="codes 9999xx: exclude | keep | denominator")
    min_products: int = Field(default=1, ge=1, description="below this many products a value is null")
    years: tuple[Year, ...] = Field(default=(), description="empty: all")
    reporters: EachOnce = Field(
        default=(), description="empty: all; ISO3 as Comtrade writes it. Every country stays a reference"
    )
    references: dict[Name, Composite] = Field(
        default_factory=dict, examples=[{"big_two": {"members": ["USA", "DEU"], "rule": "pooled"}}]
    )

    def recorded(self, *names: str) -> dict[str, Any]:
        """The settings that decide every table and those of these names, as footers hold them.

        The years are not among them: they decide which files there are, not what is in a file.
        """
        kept = self.model_dump(include={"basis", "residual", "reporters", *names})
        if "references" in kept:
            kept["references"] = {name: (one.members, one.rule) for name, one in self.references.items()}
        return kept

    @field_validator("levels")
    @classmethod
    def _once(cls, levels: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(levels)) < len(levels):
            raise ValueError("a level occurs twice")
        return levels


class MarketEsi(Section):
    """Similarity within each market, and its mean over markets."""

    min_flow_usd: float = Field(
        default=0.0,
        ge=0,
        allow_inf_nan=False,
        description="a country's exports to a market count from this sum on",
    )
    markets: EachOnce = Field(default=(), description="empty: all")


class Complementarity(Section):
    """Exports of each country against imports of each other."""


class DestinationEsi(Section):
    """Similarity of where countries sell, and of what they sell where."""

    overlap_usd: bool = Field(
        default=False, description="true: a column with the exports of the same products, USD"
    )


class Harmonise(Section):
    """Bring every reporter-year to one HS vintage, whatever it was filed in (docs/vintages.md). Without it only
    countries that filed in the same vintage are compared."""

    target: Vintage = Field(
        examples=["H2"],
        description="H0 to H6; filings older than it are left out, unless tables give weights forward",
    )
    method: Literal["un", "weights"] = Field(
        default="un",
        description="un: the UN's conversion tables, which minsum has, one target a code | weights: files in tables; "
        "a step without weights takes the UN's table",
    )
    tables: str | None = Field(
        default=None,
        examples=["concordances"],
        description="folder of weight files (H5,H4,weight,group_id) or of UN workbooks",
    )
    successors: Literal["keep", "merge"] = Field(
        default="keep",
        description="keep | merge: Serbia and Montenegro, Sudan ... and their successors as one over all years",
    )


class Mirror(Section):
    """Reporters that filed nothing, from what their partners import from them; needs [harmonise]."""

    reporters: EachOnce = Field(default=(), description="empty: all that have enough partners; ISO3")
    min_partners: int = Field(default=10, ge=1, description="with fewer a country stays absent")
    cif: float = Field(
        default=1.06,
        gt=0,
        allow_inf_nan=False,
        description="partners' values are divided by it; it cancels in shares",
    )
    in_world: bool = Field(
        default=False, description="true: part of the references world and world_minus_self too"
    )


class Similarities(Section):
    """The sections that decide the tables of the esi stage; those that may be absent ask for theirs by presence."""

    esi: Esi = Esi()
    harmonise: Harmonise | None = None
    mirror: Mirror | None = None
    market_esi: MarketEsi | None = None
    complementarity: Complementarity | None = None
    destination_esi: DestinationEsi | None = None
    check: Check = Check()
