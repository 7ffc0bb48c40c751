"""Settings of a workspace: flag > MINSUM_* environment > minsum.toml > default. Frozen once loaded."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from minsum.errors import SettingsError, UsageError
from minsum.settings.base import COMPOSITE, Section
from minsum.settings.esi import Similarities
from minsum.settings.explanations import explained
from minsum.settings.flows import Fetch, Ingest
from minsum.settings.panel import Panel
from minsum.settings.specs import FILE_NAME, MAIN, Specification


class Report(Section):
    """What the tables and the page say."""

    paper_notes: bool = Field(
        default=False,
        description="true: say where the printed Table 1 of the replicated study contradicts itself",
    )


class Export(Section):
    """What the citation of a data release says (minsum export)."""

    title: str = Field(default="Export similarity of countries", description="of the release")
    authors: tuple[str, ...] = Field(
        default=(),
        description='such as ["Sok, Dara", "Institute of Trade"]: family name first, or an organisation',
    )
    version: str = Field(default="", description='of the release, such as "2026.1"')
    license: str = Field(default="", description='its SPDX identifier, such as "CC-BY-4.0"')


def cluster_address(address: str) -> str:
    """The address of a cluster, unless it cannot be one.

    Raises
    ------
    ValueError
        Naming what is expected.
    """
    local, _, number = address.partition(":")
    if local == "local" and not (number.isdigit() and int(number)):
        raise ValueError(f"cluster {address!r}: local: and a number of processes, such as local:2")
    if "://" in address and not address.startswith(("tcp://", "tls://")):
        raise ValueError(f"cluster {address!r}: expected tcp://host:port, a scheduler file, or local:2")
    return address


WHERE_ONLY: Final = {"cluster", "cluster_patience"}
"""Settings that say where the work is done: they decide no figure."""


class Settings(Similarities, BaseSettings):
    """All settings of a workspace."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="MINSUM_", env_nested_delimiter="__"
    )

    specs: tuple[str, ...] = Field(
        default=(),
        examples=[["models/gravity.toml"]],
        description="Model spec files that minsum run estimates besides [estimate]; see docs/estimation.md",
    )
    cluster: Annotated[str, AfterValidator(cluster_address)] = Field(
        default="",
        examples=["tcp://scheduler:8786"],
        description="Dask cluster that does the work of flows and esi in place of this machine's cores (docs/cluster.md): "
        "tcp://host:8786, a scheduler file, or local:2",
    )
    cluster_patience: float = Field(
        default=900.0,
        gt=0,
        description="Seconds without a finished task after which a run gives the cluster up",
    )
    fetch: Fetch | None = None
    ingest: Ingest = Ingest()
    panel: Panel | None = None
    estimate: Specification | None = None
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
        if COMPOSITE.fullmatch(name) and name not in self.esi.references:
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
        """Order of precedence: flags, then environment; `load_settings` adds the file below them."""
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


def load_spec(path: Path) -> tuple[str, Specification]:
    """Read a spec file.

    Returns
    -------
    Name of the specification (the file's name without suffix), and its content.

    Raises
    ------
    UsageError
        If there is no such file or its name cannot be that of a table.
    SettingsError
        If it is not TOML, or a name or value is wrong.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such spec file", "see docs/estimation.md for what goes into one")
    name = path.stem
    if name == MAIN or not FILE_NAME.fullmatch(name):
        raise UsageError(
            f"{path}: the estimates would be called {name!r}",
            f"call the file something else than {MAIN}.toml, with letters, digits, - and _",
        )
    try:
        given: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return name, Specification.model_validate(given)
    except ValidationError as error:
        raise explained(error, path, model=Specification) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not valid TOML: {error}", "see docs/estimation.md") from error
