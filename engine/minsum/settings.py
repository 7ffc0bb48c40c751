"""Settings of a workspace: flag > MINSUM_* environment > minsum.toml > default. Frozen once loaded."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from minsum.errors import SettingsError
from minsum.explain import explained
from minsum.paper import ASEAN_AND_CHINA, PAPER_COUNTRIES
from minsum.schema import FLOWS, Unit
from minsum.specs import Specification


def _one_of_three(level: int) -> int:
    if level not in (2, 4, 6):
        raise ValueError(f"level {level}, expected 6, 4 or 2 digits")
    return level


Year = Annotated[int, Field(ge=1900, le=2200)]
Vintage = Annotated[str, Field(pattern=r"^H[0-6]$")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Level = Annotated[int, AfterValidator(_one_of_three)]
Rule = Literal["pooled", "pooled_minus_self", "mean_share", "mean_esi", "common", "world", "world_minus_self"]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Fetch(_Section):
    """`[fetch]`, by its presence: what `minsum fetch` and `minsum run` download (fetch.options.FetchOptions)."""

    classification: tuple[Annotated[str, Field(pattern=r"^(HS|H[0-6])$")], ...] = Field(min_length=1)
    years: tuple[Year, ...] = ()
    reporters: tuple[str, ...] = ()
    dataset: Literal["final", "classic"] = "final"
    since: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")] | None = None
    base_url: Annotated[str, Field(pattern=r"^https?://[^/?#@\s]+(/[^?#\s]*)?$")] = (
        "https://comtradeapi.un.org"
    )
    key_file: Path = Path("~/.config/minsum/comtrade-key")
    calls_per_day: int = Field(default=5_000, ge=1)
    calls_per_minute: float = Field(default=60.0, gt=0, allow_inf_nan=False)
    attempts: int = Field(default=8, ge=1)
    wait: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    longest_wait: float = Field(default=300.0, gt=0, allow_inf_nan=False)
    timeout: float = Field(default=60.0, gt=0, allow_inf_nan=False)
    keep: Literal["all"] | Annotated[int, Field(ge=1)] = "all"

    @field_validator("classification", mode="before")
    @classmethod
    def _one_or_several(cls, given: Any) -> Any:
        return (given,) if isinstance(given, str) else given

    @field_validator("base_url")
    @classmethod
    def _without_end(cls, url: str) -> str:
        return url.rstrip("/")


class Ingest(_Section):
    """`[ingest]`: which flows, reporters and columns the lake keeps, and the vintage of files that do not say."""

    flows: tuple[str, ...] = ("DX", "M", "RX", "X")
    classification: Vintage | None = None
    reporters: tuple[str, ...] = ()
    columns: tuple[Literal["net_weight", "quantity"], ...] = ()

    @field_validator("flows")
    @classmethod
    def _known(cls, flows: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(flows) - set(FLOWS))
        if unknown:
            raise ValueError(f"unknown flow {unknown[0]!r}, expected any of {', '.join(FLOWS)}")
        return tuple(sorted(set(flows)))


class Composite(_Section):
    """One named reference: its members (ISO3) and how they are put together (docs/definitions.md)."""

    members: tuple[str, ...] = ()
    rule: Rule = "pooled"

    @model_validator(mode="after")
    def _members_fit_the_rule(self) -> Composite:
        is_world = self.rule in ("world", "world_minus_self")
        if is_world and self.members:
            raise ValueError(f"rule {self.rule} takes every reporter: leave members out")
        if not is_world and not self.members:
            raise ValueError(f"rule {self.rule} needs members, such as members = ['USA', 'DEU']")
        return self


class Esi(_Section):
    """`[esi]`: basket, level, treatment of residual codes, and composite references."""

    basis: Literal["X", "DX", "X-RX"] = "X"
    level: Level = 6
    levels: tuple[Level, ...] = ()
    residual: Literal["exclude", "keep", "denominator"] = "exclude"
    min_products: int = Field(default=1, ge=1)
    years: tuple[Year, ...] = ()
    reporters: tuple[str, ...] = ()
    references: dict[Name, Composite] = Field(
        default_factory=lambda: {"high_end": Composite(members=("USA", "DEU"))}
    )

    @field_validator("levels")
    @classmethod
    def _once(cls, levels: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(levels)) < len(levels):
            raise ValueError("a level occurs twice")
        return levels


class MarketEsi(_Section):
    """`[market_esi]`, by its presence: similarity within each market, and its mean over markets."""

    min_flow_usd: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    markets: tuple[str, ...] = ()


class Harmonise(_Section):
    """`[harmonise]`, by its presence: every reporter-year is brought to one HS vintage (docs/vintages.md)."""

    target: Vintage
    method: Literal["un", "weights"] = "un"
    tables: str | None = None
    successors: Literal["keep", "merge"] = "keep"


class Mirror(_Section):
    """`[mirror]`, by its presence: countries that filed nothing, from their partners' imports (docs/vintages.md)."""

    reporters: tuple[str, ...] = ()
    min_partners: int = Field(default=10, ge=1)
    cif: float = Field(default=1.06, gt=0, allow_inf_nan=False)
    in_world: bool = False


class Complementarity(_Section):
    """`[complementarity]`, by its presence: exports of each country against imports of each other."""


class DestinationEsi(_Section):
    """`[destination_esi]`, by its presence: similarity of destinations, and of products by destination."""


class Variable(_Section):
    """One variable of the panel: which indicators it is made of and how (docs/covariates.md).

    `first_of` names indicators that mean the same, of which the first that a file gives is taken; `indicator`
    is short for one of them; `sum_of` names several that are added.
    """

    first_of: tuple[str, ...] = ()
    sum_of: tuple[str, ...] = ()
    divide_by: float = Field(default=1.0, gt=0)
    ln: bool = False
    unit: Unit = "index"

    @model_validator(mode="before")
    @classmethod
    def _one_source(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        rest = {name: value for name, value in given.items() if name != "indicator"}
        if "indicator" in given:
            rest["first_of"] = [given["indicator"], *rest.get("first_of", ())]
        if bool(rest.get("first_of")) == bool(rest.get("sum_of")) or len(rest) < len(given):
            raise ValueError("needs exactly one of indicator, first_of and sum_of")
        return rest


DEFAULT_VARIABLES: Final = {
    "ln_fdi": Variable(first_of=("fdi_inward_flow", "fdi_inward_stock"), ln=True, unit="million_usd"),
    "capital": Variable(first_of=("NE.GDI.FTOT.ZS",), divide_by=100, unit="ratio"),
    "lr": Variable(first_of=("SL.TLF.CACT.ZS",), divide_by=100, unit="ratio"),
    "pa": Variable(first_of=("IP.PAT.RESD",), ln=True, unit="count"),
    "efi": Variable(first_of=("efw_summary", "heritage_overall")),
}
"""The paper's regressors (docs/covariates.md)."""


class Panel(_Section):
    """`[panel]`: the sample and the regressors made from flows and covariate files."""

    reference: str = "high_end"
    classification: Vintage | None = None
    reporters: tuple[str, ...] = PAPER_COUNTRIES
    years: tuple[Year, ...] = ()
    bloc: tuple[str, ...] = ASEAN_AND_CHINA
    covariates: str = "covariates"
    variables: dict[str, Variable] = Field(default_factory=lambda: dict(DEFAULT_VARIABLES))

    @field_validator("variables", mode="before")
    @classmethod
    def _beside_defaults(cls, variables: Any) -> Any:
        return {**DEFAULT_VARIABLES, **variables} if isinstance(variables, dict) else variables


Share = Annotated[float, Field(ge=0, le=1)]


class Check(_Section):
    """`[check]`: how far figures may be apart before `minsum check` reports them (check.Limits)."""

    world_tolerance: Share = 0.005
    total_tolerance: Share = 0.005
    residual_share: Share = 0.5
    conflict_share: Share = 0.005


class Settings(BaseSettings):
    """All settings of a workspace."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="MINSUM_", env_nested_delimiter="__"
    )

    fetch: Fetch | None = None
    ingest: Ingest = Ingest()
    esi: Esi = Esi()
    market_esi: MarketEsi | None = None
    complementarity: Complementarity | None = None
    destination_esi: DestinationEsi | None = None
    harmonise: Harmonise | None = None
    mirror: Mirror | None = None
    panel: Panel | None = None
    estimate: Specification | None = None
    specs: tuple[str, ...] = ()
    check: Check = Check()

    @model_validator(mode="after")
    def _vintage_first(self) -> Settings:
        if self.mirror is not None and self.harmonise is None:
            raise ValueError(
                "[mirror] needs [harmonise]: the partners of a country file in several HS vintages"
            )
        return self

    @model_validator(mode="after")
    def _panel_first(self) -> Settings:
        if (self.estimate is not None or self.specs) and self.panel is None:
            raise ValueError("[estimate] and specs need a [panel] section to estimate on")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then environment; `load_settings` adds the file below them."""
        return init_settings, env_settings


def load_settings(path: Path, flags: dict[str, Any] | None = None) -> Settings:
    """Read `minsum.toml` and the environment; `flags`, nested like the file, win over both.

    Raises
    ------
    SettingsError
        If the file is not TOML, or a name or value is wrong; the message names the place and, for a
        misspelt name, the nearest known one.
    """

    class FromFile(Settings):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *sources: Any, **named: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            toml = TomlConfigSettingsSource(settings_cls, toml_file=path)
            return (*super().settings_customise_sources(settings_cls, *sources, **named), toml)

    try:
        return FromFile(**(flags or {}))
    except ValidationError as error:
        raise explained(error, path, model=Settings) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path}: not valid TOML: {error}", "see the comments that minsum init writes"
        ) from error
