"""`[panel]`: the sample, and the regressors made from flows and covariate files."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, field_validator, model_validator

from minsum.errors import SettingsError
from minsum.schema import Unit
from minsum.settings.base import COMPOSITE, Countries, Section, Share, Vintage, Year
from minsum.settings.paths import is_remote


def _reference(given: str) -> str:
    """Lower-case names are composites; other names are countries, normalised; None stays None."""
    from minsum.countries.suggestions import known_label

    return given if not given or COMPOSITE.fullmatch(given) else known_label(given)


class Variable(Section):
    """How each variable is made from the indicators in the files (docs/covariates.md). These stand ready.

    `indicator` is short for `first_of` with one indicator.
    """

    first_of: tuple[str, ...] = Field(
        default=(), description="indicators that mean the same; the first that a file gives is taken"
    )
    sum_of: tuple[str, ...] = Field(
        default=(), description="indicators that are added; where one is missing, the sum is"
    )
    divide_by: float = Field(default=1.0, gt=0, description="divisor of the value")
    ln: bool = Field(default=False, description="whether the natural logarithm is taken, after the division")
    unit: Unit = Field(
        default="index", description="of the value before the logarithm; checked where it can be"
    )

    @property
    def indicators(self) -> tuple[str, ...]:
        """Every indicator that the recipe may use."""
        return self.first_of + self.sum_of

    def formula(self, used: Sequence[str]) -> str:
        """The recipe as a formula."""
        formula = " + ".join(used)
        if self.divide_by != 1:
            formula = f"({formula})" if len(used) > 1 else formula
            formula += f" / {self.divide_by:g}"
        return f"ln({formula})" if self.ln else formula

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


class Panel(Section):
    """A panel of countries and years: put covariate files into covariates/ beside this file (docs/covariates.md)."""

    reference: Annotated[str, AfterValidator(_reference)] = Field(
        default="",
        examples=["USA"],
        description="whose similarity is the column esi: a country, or a composite from above; empty: the only one",
    )
    classification: Vintage | None = Field(
        default=None, examples=["H2"], description="HS vintage, where the similarities have several"
    )
    reporters: Countries = Field(default=(), description="empty: all")
    years: tuple[Year, ...] = Field(default=(), description="empty: all")
    bloc: Countries = Field(
        default=(),
        examples=[["CHN"]],
        description="import_share: imports from these over all imports; empty: no such column",
    )
    covariates: str = Field(default="covariates", description="folder of covariate files, in the workspace")
    max_width: Share | None = Field(
        default=None,
        examples=[0.05],
        description="similarities with a wider interval (docs/vintages.md) are left out; none: all stay",
    )
    variables: dict[str, Variable] = Field(default_factory=dict, examples=[DEFAULT_VARIABLES])

    def with_reference(self, composites: Collection[str]) -> Panel:
        """The section with its reference filled in: its own, or the only composite there is.

        Raises
        ------
        SettingsError
            If it names none and there is not exactly one composite.
        """
        if self.reference or len(composites) == 1:
            return self if self.reference else self.model_copy(update={"reference": next(iter(composites))})
        raise SettingsError(
            "[panel] names no reference",
            "name the country or composite whose similarity is the column esi, such as reference = "
            f"{next(iter(composites), 'USA')!r}".replace("'", '"'),
        )

    def recipes(self) -> dict[str, Variable]:
        """Variables that the section names, without the built-in ones."""
        return {**DEFAULT_VARIABLES, **self.variables}

    def recorded(self) -> dict[str, Any]:
        """Options that decide the panel, as stored in the footers. `asked`: variables that are reported if no file has them."""
        made = {name: one.model_dump() for name, one in self.recipes().items()}
        return self.model_dump() | {"variables": made, "asked": tuple(self.variables)}

    @field_validator("covariates")
    @classmethod
    def _a_folder(cls, name: str) -> str:
        if is_remote(name):
            raise ValueError(f"{name} is no folder of this machine; minsum reads local files only")
        return name
