"""Settings of a workspace: flag > MINSUM_* environment > minsum.toml > default. Frozen once loaded."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Collection
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
from minsum.schema import FLOWS, Unit
from minsum.settings.explanations import explained
from minsum.settings.paths import is_remote
from minsum.settings.specs import Specification


def _one_of_three(level: int) -> int:
    if level not in (2, 4, 6):
        raise ValueError(f"level {level}, expected 6, 4 or 2 digits")
    return level


Year = Annotated[int, Field(ge=1900, le=2200)]
Vintage = Annotated[str, Field(pattern=r"^H[0-6]$")]
_NAME: Final = r"[a-z][a-z0-9_]*"
Name = Annotated[str, Field(pattern=f"^{_NAME}$")]


def _countries(given: tuple[str, ...]) -> tuple[str, ...]:
    from minsum.countries.suggestions import known_labels

    return known_labels(given) if given else ()


def _reference(given: str) -> str:
    """Composites have names in small letters; what has none is a country; nothing named stays so."""
    from minsum.countries.suggestions import known_label

    return given if not given or re.fullmatch(_NAME, given) else known_label(given)


def _members(given: tuple[str, ...]) -> tuple[str, ...]:
    """Countries, and groups of countries by their names."""
    from minsum.countries.groups import NAMES

    countries = iter(_countries(tuple(one for one in given if one not in NAMES)))
    return tuple(one if one in NAMES else next(countries) for one in given)


Countries = Annotated[tuple[str, ...], AfterValidator(_countries)]
"""Labels of countries as Comtrade writes them; other publishers' codes for one country are understood."""
Level = Annotated[int, AfterValidator(_one_of_three)]
Share = Annotated[float, Field(ge=0, le=1)]
Rule = Literal["pooled", "pooled_minus_self", "mean_share", "mean_esi", "common", "world", "world_minus_self"]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Fetch(_Section):
    """`[fetch]`, by its presence: what `minsum fetch` and `minsum run` download (fetch.options.FetchOptions)."""

    classification: tuple[Annotated[str, Field(pattern=r"^(HS|H[0-6])$")], ...] = Field(min_length=1)
    years: tuple[Year, ...] = ()
    reporters: Countries = ()
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
    longest_answer: float = Field(default=3_600.0, gt=0, allow_inf_nan=False)
    keep: Literal["all"] | Annotated[int, Field(ge=1)] = "all"

    @field_validator("classification", mode="before")
    @classmethod
    def _one_or_several(cls, given: Any) -> Any:
        return (given,) if isinstance(given, str) else given

    @field_validator("key_file")
    @classmethod
    def _not_the_key(cls, file: Path) -> Path:
        text = str(file)
        is_word = len(text) >= 16 and re.fullmatch(r"[\w+=-]*\d[\w+=-]*", text)
        if is_word and not os.path.isfile(text):
            raise ValueError("expected the path of a file that holds the key; this looks like the key itself")
        return file

    @field_validator("base_url")
    @classmethod
    def _without_end(cls, url: str) -> str:
        return url.rstrip("/")


class Ingest(_Section):
    """`[ingest]`: which flows, reporters and columns the lake keeps, and the vintage of files that do not say."""

    flows: tuple[str, ...] = ("DX", "M", "RX", "X")
    classification: Vintage | None = None
    reporters: Countries = ()
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

    members: Annotated[tuple[str, ...], AfterValidator(_members)] = ()
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
    reporters: Countries = ()
    references: dict[Name, Composite] = Field(default_factory=dict)

    @field_validator("levels")
    @classmethod
    def _once(cls, levels: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(levels)) < len(levels):
            raise ValueError("a level occurs twice")
        return levels


class MarketEsi(_Section):
    """`[market_esi]`, by its presence: similarity within each market, and its mean over markets."""

    min_flow_usd: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    markets: Countries = ()


class Harmonise(_Section):
    """`[harmonise]`, by its presence: every reporter-year is brought to one HS vintage (docs/vintages.md)."""

    target: Vintage
    method: Literal["un", "weights"] = "un"
    tables: str | None = None
    successors: Literal["keep", "merge"] = "keep"


class Mirror(_Section):
    """`[mirror]`, by its presence: countries that filed nothing, from their partners' imports (docs/vintages.md)."""

    reporters: Countries = ()
    min_partners: int = Field(default=10, ge=1)
    cif: float = Field(default=1.06, gt=0, allow_inf_nan=False)
    in_world: bool = False


class Complementarity(_Section):
    """`[complementarity]`, by its presence: exports of each country against imports of each other."""


class DestinationEsi(_Section):
    """`[destination_esi]`, by its presence: similarity of destinations, and of products by destination."""

    overlap_usd: bool = False


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
"""Recipes that stand ready: made where a file gives their indicators (docs/covariates.md)."""


class Panel(_Section):
    """`[panel]`: the sample and the regressors made from flows and covariate files."""

    reference: Annotated[str, AfterValidator(_reference)] = ""
    classification: Vintage | None = None
    reporters: Countries = ()
    years: tuple[Year, ...] = ()
    bloc: Countries = ()
    covariates: str = "covariates"
    max_width: Share | None = None
    variables: dict[str, Variable] = Field(default_factory=dict)

    def reference_of(self, composites: Collection[str]) -> str:
        """The reference that the section names, or else the only composite there is.

        Raises
        ------
        SettingsError
            If the section names none and there is not exactly one composite.
        """
        if self.reference or len(composites) == 1:
            return self.reference or next(iter(composites))
        raise SettingsError(
            "[panel] names no reference",
            "name the country or composite whose similarity is the column esi, such as reference = "
            f"{next(iter(composites), 'USA')!r}".replace("'", '"'),
        )

    def recipes(self) -> dict[str, Variable]:
        """The variables that the section names, beside those that stand ready."""
        return {**DEFAULT_VARIABLES, **self.variables}

    @field_validator("covariates")
    @classmethod
    def _a_folder(cls, name: str) -> str:
        if is_remote(name):
            raise ValueError(f"{name} is no folder of this machine; minsum reads local files only")
        return name


class Check(_Section):
    """`[check]`: how far figures may be apart before `minsum check` or a run reports them.

    Attributes
    ----------
    world_tolerance
        World and the sum of partners, in relation to World.
    total_tolerance
        TOTAL and the sum of products, in relation to TOTAL; and codes of other levels that no product holds, in relation to the
        products.
    residual_share
        Codes 9999xx in the World trade of a flow.
    conflict_share
        What unequal repeats of rows lose, in relation to the World trade of all flows.
    exports_fall
        Fall of a reporter's exports, by a revision or against the year before, in relation to them.
    esi_move
        Change of a similarity by a revision.
    """

    world_tolerance: Share = 0.005
    total_tolerance: Share = 0.005
    residual_share: Share = 0.5
    conflict_share: Share = 0.005
    exports_fall: Share = 0.5
    esi_move: Share = 0.2


class Report(_Section):
    """`[report]`: what the tables and the page say."""

    paper_notes: bool = False


class Export(_Section):
    """`[export]`: what the citation of a release says (export.options.ExportOptions)."""

    title: str = "Export similarity of countries"
    authors: tuple[str, ...] = ()
    version: str = ""
    license: str = ""


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
    report: Report = Report()
    export: Export = Export()

    @model_validator(mode="after")
    def _vintage_first(self) -> Settings:
        if self.mirror is not None and self.harmonise is None:
            raise ValueError(
                "[mirror] needs [harmonise]: the partners of a country file in several HS vintages"
            )
        by_width = {
            "panel.max_width": self.panel is not None and self.panel.max_width is not None,
            "estimate.weights": self.estimate is not None
            and any(one.weights is not None for one in self.estimate.resolved()),
        }
        for name, is_set in by_width.items():
            if is_set and self.harmonise is None:
                raise ValueError(
                    f"{name} needs [harmonise]: values of countries compared as filed have no interval"
                )
        return self

    @model_validator(mode="after")
    def _panel_first(self) -> Settings:
        if (self.estimate is not None or self.specs) and self.panel is None:
            raise ValueError("[estimate] and specs need a [panel] section to estimate on")
        names = [Path(spec).stem for spec in self.specs]
        if len(set(names)) < len(names):
            raise ValueError(
                f"specs: two files of one name among {', '.join(self.specs)}: estimates are called after it"
            )
        return self

    @model_validator(mode="after")
    def _reference_there(self) -> Settings:
        name = self.panel.reference if self.panel is not None else ""
        if re.fullmatch(_NAME, name) and name not in self.esi.references:
            from minsum.countries.suggestions import near_labels

            known = ", ".join(self.esi.references) or "none"
            near = near_labels(name)
            raise ValueError(
                f"panel.reference {name!r} is no country and none of the composites of [esi.references] ({known})"
                + (f"; did you mean {' or '.join(near)}?" if near else "")
            )
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
