"""`[fetch]` and `[ingest]`: what is downloaded, and what the lake keeps."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from minsum.countries.codes import codes_named
from minsum.schema import FLOWS
from minsum.settings.base import Countries, Section, Vintage, Year


class Fetch(Section):
    """Download from UN Comtrade, first in every minsum run. The key: docs/operation.md."""

    classification: tuple[Annotated[str, Field(pattern=r"^(HS|H[0-6])$")], ...] = Field(
        min_length=1,
        examples=["H2"],
        description='HS as reported | H0 to H6 as converted by the UN; or several: ["H2", "H5"]; a list call each',
    )
    years: tuple[Year, ...] = Field(default=(), description="empty: all")
    reporters: Countries = Field(default=(), description="empty: all; ISO3 as Comtrade writes it")
    dataset: Literal["final", "classic"] = Field(default="final", description="final | classic")
    since: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")] | None = Field(
        default=None,
        examples=["2026-01-31"],
        description="only what was published from this date on. Files made anew under an older date are missed: not "
        "for the nightly run",
    )
    base_url: Annotated[str, Field(pattern=r"^https?://[^/?#@\s]+(/[^?#\s]*)?$")] = Field(
        default="https://comtradeapi.un.org", description="scheme, host and what stands before /bulk"
    )
    key_file: Path = Field(
        default=Path("~/.config/minsum/comtrade-key"),
        description="holds the key where the environment does not",
    )
    calls_per_day: int = Field(default=5_000, ge=1, description="what your plan allows; for fetch --plan")
    calls_per_minute: float = Field(default=60.0, gt=0, allow_inf_nan=False, description="at most")
    attempts: int = Field(default=8, ge=1, description="tries of one file or list")
    wait: float = Field(
        default=1.0, gt=0, allow_inf_nan=False, description="seconds before the second try, doubled each time"
    )
    longest_wait: float = Field(
        default=300.0,
        gt=0,
        allow_inf_nan=False,
        description="seconds; a service that asks for a longer pause ends the run",
    )
    timeout: float = Field(
        default=60.0,
        gt=0,
        allow_inf_nan=False,
        description="seconds until the head of an answer is whole, without a byte, or with less than 1 KiB/s",
    )
    longest_answer: float = Field(
        default=3_600.0,
        gt=0,
        allow_inf_nan=False,
        description="seconds of one answer; the next try goes on with the file",
    )
    keep: Literal["all"] | Annotated[int, Field(ge=1)] = Field(
        default="all",
        description="earlier publications in raw/: all, or how many of each reporter-year",
    )

    def reporter_codes(self) -> frozenset[int]:
        """Comtrade codes of the reporters to fetch; empty means all.

        Raises
        ------
        SettingsError
            If a label belongs to no country.
        """
        return codes_named(self.reporters, setting="fetch.reporters")

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


class Ingest(Section):
    """What the lake keeps."""

    flows: tuple[str, ...] = Field(
        default=("DX", "M", "RX", "X"),
        description="Comtrade flow codes to keep: X exports (contains RX), M imports, DX domestic exports, RX "
        "re-exports ...",
    )
    classification: Vintage | None = Field(
        default=None,
        examples=["H5"],
        description="HS vintage of files that do not say (BACI under another name)",
    )
    reporters: Countries = Field(
        default=(),
        description="empty: all; ISO3 as Comtrade writes it; a label keeps every code that ever carried it",
    )
    columns: tuple[Literal["net_weight", "quantity"], ...] = Field(
        default=(),
        description='further columns of the flows: "net_weight" (kg), "quantity" (with quantity_unit), or both',
    )

    def reporter_codes(self) -> frozenset[int]:
        """Comtrade codes of the reporters to keep; empty means all.

        Raises
        ------
        SettingsError
            If a label belongs to no country.
        """
        return codes_named(self.reporters, setting="ingest.reporters")

    @field_validator("flows")
    @classmethod
    def _known(cls, flows: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(flows) - set(FLOWS))
        if unknown:
            raise ValueError(f"unknown flow {unknown[0]!r}, expected any of {', '.join(FLOWS)}")
        return tuple(sorted(set(flows)))
