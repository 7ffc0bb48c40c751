"""Settings of a workspace: flag > MINSUM_* environment > minsum.toml > default. Frozen once loaded."""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from minsum.errors import SettingsError
from minsum.schema import FLOWS

Year = Annotated[int, Field(ge=1900, le=2200)]
Vintage = Annotated[str, Field(pattern=r"^H[0-6]$")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Rule = Literal["pooled", "mean_share", "mean_esi", "common"]
ASEAN_AND_CHINA: Final = ("CHN", "BRN", "KHM", "IDN", "LAO", "MYS", "MMR", "PHL", "SGP", "THA", "VNM")
PAPER_COUNTRIES: Final = ("PHL", "KHM", "MYS", "THA", "SGP", "IDN", "MMR", "VNM", "CHN")
PAPER_YEARS: Final = (2002, 2006, 2010, 2014, 2015, 2016, 2017, 2018, 2019, 2020, 2021)


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Ingest(_Section):
    """`[ingest]`: which flows the lake keeps, and the vintage of files that do not say."""

    flows: tuple[str, ...] = ("DX", "M", "RX", "X")
    classification: Vintage | None = None

    @field_validator("flows")
    @classmethod
    def _known(cls, flows: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(flows) - set(FLOWS))
        if unknown:
            raise ValueError(f"unknown flow {unknown[0]!r}, expected any of {', '.join(FLOWS)}")
        return tuple(sorted(set(flows)))


class Composite(_Section):
    """One named reference: its members (ISO3) and how they are put together (methods.md, section 1)."""

    members: tuple[str, ...] = Field(min_length=1)
    rule: Rule = "pooled"


class Esi(_Section):
    """`[esi]`: basket, level, treatment of residual codes, and composite references."""

    basis: Literal["X", "DX", "X-RX"] = "X"
    level: int = 6
    residual: Literal["exclude", "keep", "denominator"] = "exclude"
    min_products: int = Field(default=1, ge=1)
    years: tuple[Year, ...] = ()
    reporters: tuple[str, ...] = ()
    references: dict[Name, Composite] = Field(
        default_factory=lambda: {"high_end": Composite(members=("USA", "DEU"))}
    )

    @field_validator("level")
    @classmethod
    def _digits(cls, level: int) -> int:
        if level not in (2, 4, 6):
            raise ValueError(f"level {level}, expected 6, 4 or 2 digits")
        return level


class Panel(_Section):
    """`[panel]`: the sample and the regressors made from flows and covariate files."""

    reference: str = "high_end"
    classification: Vintage | None = None
    reporters: tuple[str, ...] = PAPER_COUNTRIES
    years: tuple[Year, ...] = ()
    bloc: tuple[str, ...] = ASEAN_AND_CHINA
    covariates: str = "covariates"


class Estimate(_Section):
    """`[estimate]`: one equation, estimated by each of the estimators."""

    dependent: str = "esi"
    regressors: tuple[str, ...] = ("import_share", "ln_fdi", "capital", "lr", "pa", "efi")
    estimators: tuple[Literal["FE", "RE", "FGLS"], ...] = ("FE", "RE", "FGLS")
    time_effects: bool = False


class Settings(BaseSettings):
    """All settings of a workspace."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="MINSUM_", env_nested_delimiter="__"
    )

    ingest: Ingest = Ingest()
    esi: Esi = Esi()
    panel: Panel | None = None
    estimate: Estimate | None = None

    @model_validator(mode="after")
    def _panel_first(self) -> Settings:
        if self.estimate is not None and self.panel is None:
            raise ValueError("[estimate] needs a [panel] section to estimate on")
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
        raise _explained(error, path) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path}: not valid TOML: {error}", "see the comments that minsum init writes"
        ) from error


def _explained(error: ValidationError, path: Path) -> SettingsError:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"]) or "settings"
    if first["type"] == "extra_forbidden":
        name = str(first["loc"][-1])
        known = _names_beside(first["loc"])
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known names: {', '.join(known)}"
        return SettingsError(f"{path}: unknown setting {place!r}", hint)
    message = re.sub(r"^Value error, ", "", first["msg"])
    found = "" if first["type"] == "value_error" else f" (found {first['input']!r})"
    return SettingsError(
        f"{path}: {place}: {message}{found}", "correct it there, or in the MINSUM_* variable"
    )


def _names_beside(location: tuple[int | str, ...]) -> list[str]:
    """Names that are allowed where an unknown one was found."""
    model: Any = Settings
    for part in location[:-1]:
        fields = getattr(model, "model_fields", {})
        if part not in fields:
            return list(Composite.model_fields)
        model = next(
            (one for one in (Ingest, Esi, Panel, Estimate) if one.__name__.lower() == part), Composite
        )
    return list(model.model_fields)


TEMPLATE: Final = """\
# minsum workspace. Every line is optional; these are the defaults. Environment variables override:
# MINSUM_ESI__LEVEL=4 stands for level = 4 under [esi].

[ingest]
# Comtrade flow codes to keep: X exports (contains RX), M imports, DX domestic exports, RX re-exports ...
flows = ["X", "M", "DX", "RX"]
# HS vintage of files that do not say (BACI under another name), such as "H5"
# classification = "H5"

[esi]
basis = "X"            # X | DX | X-RX
level = 6              # 6 | 4 | 2 digits
residual = "exclude"   # codes 9999xx: exclude | keep | denominator
min_products = 1       # below this many products a value is null
years = []             # empty: all
reporters = []         # empty: all; ISO3 as Comtrade writes it

# Composite references beside every single country. rule: pooled | mean_share | mean_esi | common
[esi.references.high_end]
members = ["USA", "DEU"]
rule = "pooled"
"""

PAPER_TEMPLATE: Final = f"""
# The China-ASEAN panel of the paper: put covariates/<variable>.csv (iso3,year,<variable>) beside this file.
[panel]
reference = "high_end"
reporters = {list(PAPER_COUNTRIES)}
years = {list(PAPER_YEARS)}
bloc = {list(ASEAN_AND_CHINA)}   # import_share: imports from these over all imports
covariates = "covariates"

[estimate]
dependent = "esi"
regressors = ["import_share", "ln_fdi", "capital", "lr", "pa", "efi"]
estimators = ["FE", "RE", "FGLS"]
time_effects = false   # the paper's Table 3 has country effects only
""".replace("'", '"')

WORLD_TEMPLATE: Final = """
# A panel of every reporter: put covariates/<variable>.csv (iso3,year,<variable>) beside this file.
# [panel]
# reporters = []
# [estimate]
# regressors = ["import_share"]
"""
