"""What decides the tables of the esi stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from minsum.countries.groups import without_groups
from minsum.countries.suggestions import check_country
from minsum.errors import SettingsError
from minsum.harmonise.options import HarmoniseOptions

if TYPE_CHECKING:
    from minsum.harmonise.harmoniser import Harmoniser


Basis = Literal["X", "DX", "X-RX", "M"]
Residual = Literal["exclude", "keep", "denominator"]
Rule = Literal["pooled", "pooled_minus_self", "mean_share", "mean_esi", "common", "world", "world_minus_self"]

FINEST: Final = 6
"""Digits of the products that vintages are brought together by."""


@dataclass(frozen=True, slots=True)
class MarketOptions:
    """What decides `market_esi` beyond the baskets (docs/definitions.md).

    Attributes
    ----------
    min_flow_usd
        A country's exports to a market count when they add up to at least this, USD.
    markets
        ISO3 labels; empty means all.
    """

    min_flow_usd: float = 0.0
    markets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MirrorOptions:
    """Countries that filed nothing, from their partners' imports (docs/vintages.md).

    Attributes
    ----------
    reporters
        ISO3 labels; empty means all that have enough partners.
    min_partners
        With fewer a country stays absent.
    cif
        What the partners' values are divided by; it cancels in shares.
    in_world
        Whether mirrored countries are part of the references `world` and `world_minus_self`.
    """

    reporters: tuple[str, ...] = ()
    min_partners: int = 10
    cif: float = 1.06
    in_world: bool = False


@dataclass(frozen=True, slots=True)
class EsiOptions:
    """What decides the similarities (docs/definitions.md).

    Attributes
    ----------
    basis, level, residual
        See `baskets.gather`.
    min_products
        A country with fewer products gets a null and a reason.
    years
        Which to compute; empty means all.
    reporters
        ISO3 labels of the countries whose similarity is wanted; empty means all. Every country stays a
        reference, and a member of composites.
    references
        Name of a composite to (members, rule). A member may be a group (`country_groups.NAMES`).
    levels
        Levels to put side by side in `esi_levels`; empty means no such table.
    market_esi
        Asks for the tables `market_esi` and `market_mean`.
    complementarity
        Asks for the table `complementarity`.
    destination_esi
        Asks for the table `destination_esi`.
    overlap_usd
        Asks for its column `overlap_usd`.
    harmonise
        Brings HS vintages together; None keeps every vintage apart.
    mirror
        Adds countries that filed nothing; needs `harmonise`.
    """

    basis: Basis = "X"
    level: int = 6
    residual: Residual = "exclude"
    min_products: int = 1
    years: tuple[int, ...] = ()
    reporters: tuple[str, ...] = ()
    references: Mapping[str, tuple[tuple[str, ...], Rule]] = field(default_factory=dict)
    levels: tuple[int, ...] = ()
    market_esi: MarketOptions | None = None
    complementarity: bool = False
    destination_esi: bool = False
    overlap_usd: bool = False
    harmonise: HarmoniseOptions | None = None
    mirror: MirrorOptions | None = None

    def recorded(self, *names: str) -> dict[str, Any]:
        """The options of every table and those of these names, as footers hold them.

        The years are not among them: they decide which files there are, not what is in a file.
        """
        whole = asdict(self)
        return {name: whole[name] for name in ("basis", "residual", "reporters", *names)}

    def harmoniser(self, root: Path) -> Harmoniser | None:
        """What brings vintages together, with tables found from the workspace's folder; None when not asked for.

        Raises
        ------
        SettingsError, DataCheckError
            If the tables are not there, or one is bad.
        """
        if self.harmonise is None:
            return None
        from minsum.harmonise.harmoniser import Harmoniser

        return Harmoniser(self.harmonise, root)

    def check_countries(self) -> None:
        """Raise SettingsError where a country is named twice, or is none."""
        named = {f"esi.references.{name}": members for name, (members, _) in self.references.items()}
        named["esi.reporters"] = self.reporters
        if self.market_esi is not None:
            named["market_esi.markets"] = self.market_esi.markets
        if self.mirror is not None:
            named["mirror.reporters"] = self.mirror.reporters
        for place, countries in without_groups(named).items():
            if len(set(countries)) != len(countries):
                raise SettingsError(f"{place}: a member occurs twice in {list(countries)}", "name each once")
            for country in countries:
                check_country(country, place)
