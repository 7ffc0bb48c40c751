"""Model specifications: `[estimate]` of minsum.toml and spec files have the same content."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    Field,
    field_validator,
    model_validator,
)

from minsum.settings.base import Members, Name, Section
from minsum.settings.estimators import (
    DIAGNOSTICS,
    PAIR_CLUSTERS,
    PAIR_EFFECTS,
    PANEL_CLUSTERS,
    PANEL_EFFECTS,
    WEIGHTED,
    Cluster,
    Covariance,
    Diagnostic,
    Estimator,
    Fgls,
    Pcse,
    Sample,
)
from minsum.settings.terms import PRODUCT, parse_term

MAIN: Final = "main"
"""Name of the estimates that `[estimate]` describes."""
FILE_NAME: Final = re.compile(r"[A-Za-z0-9][\w-]*")


def _term(text: str) -> str:
    return str(parse_term(text))


def _effect(text: str) -> str:
    return PRODUCT.join(one.strip() for one in text.split(PRODUCT))


TermText = Annotated[str, AfterValidator(_term)]
EffectText = Annotated[str, AfterValidator(_effect)]


class Model(Section):
    """One equation, its sample, and how it is estimated (docs/estimation.md)."""

    name: str = Field(default="", description="added to the name of the estimates")
    data: Literal["panel", "pairs"] = Field(
        default="panel", description="panel | pairs: every country against every other"
    )
    dependent: TermText = Field(default="esi", description="or logit(esi), ln(esi)")
    reference: str | None = Field(
        default=None,
        examples=["USA"],
        description="a country or composite whose similarity is esi; default: the panel's",
    )
    regressors: tuple[TermText, ...] = Field(
        default=("import_share", "ln_fdi", "capital", "lr", "pa", "efi"),
        description="columns, or ln, logit, square, lag(x), lag(x, 3), diff(x) of them, and products x:z",
    )
    groups: dict[Name, Members | dict[str, Members]] = Field(
        default_factory=dict,
        examples=[{"eu": ["EU"]}],
        description="groups of countries, for terms such as capital:eu and effects such as eu:year",
    )
    effects: tuple[EffectText, ...] | None = Field(
        default=None,
        examples=[["country"]],
        description="country, year; of pairs also pair, dyad, reporter, reference ...; or groups",
    )
    estimators: tuple[Estimator, ...] | None = Field(
        default=None,
        examples=[["FE", "pooled"]],
        description="default: FE, RE, FGLS, of pairs or with weights FE; or pooled, between, FD, PCSE",
    )
    covariance: Covariance | None = Field(
        default=None,
        examples=["conventional"],
        description="conventional | robust | clustered | driscoll_kraay",
    )
    clusters: tuple[Cluster, ...] = Field(
        default=(), description="one or two of country, year; of pairs also dyad, pair, reporter, reference"
    )
    weights: Literal["width"] | None = Field(
        default=None,
        examples=["width"],
        description="a similarity counts 1 - (esi_high - esi_low); none: all count the same",
    )
    diagnostics: Literal["all"] | tuple[Diagnostic, ...] = Field(
        default=(), description='"all", or some of effects, hausman, xttest0 ...'
    )
    labels: dict[str, str] = Field(
        default_factory=dict,
        examples=[{"capital": "Capital formation"}],
        description="labels of variables, terms and models in tables for papers",
    )
    sample: Sample = Sample()
    fgls: Fgls = Fgls()
    pcse: Pcse = Pcse()

    @field_validator("name")
    @classmethod
    def _plain(cls, name: str) -> str:
        if name and not FILE_NAME.fullmatch(name):
            raise ValueError(f"name {name!r}: letters, digits, - and _ only")
        return name

    def complete(self) -> Model:
        """The model with the defaults of its kind of data filled in."""
        pairs = self.data == "pairs"
        covariance = self.covariance or ("clustered" if pairs else "conventional")
        clusters = self.clusters or (("dyad",) if pairs else ("country",))
        only_fixed = pairs or self.weights is not None
        return self.model_copy(
            update={
                "effects": (("pair", "year") if pairs else ("country",))
                if self.effects is None
                else self.effects,
                "estimators": self.estimators or (("FE",) if only_fixed else ("FE", "RE", "FGLS")),
                "covariance": covariance,
                "clusters": clusters if covariance == "clustered" else self.clusters,
                "diagnostics": DIAGNOSTICS if self.diagnostics == "all" else self.diagnostics,
            }
        )


class Specification(Model):
    """A model, or several under `[[models]]` that share what stands above them (docs/estimation.md)."""

    models: tuple[Model, ...] = Field(default=(), description="what differs from the settings above")
    common_sample: bool = Field(
        default=False, description="true: all models use the rows that are complete in every one"
    )

    def resolved(self) -> tuple[Model, ...]:
        """Every model with inherited settings and defaults filled in."""
        shared = self.model_dump(exclude_unset=True, exclude={"models", "common_sample"})
        found = []
        for model in self.models or (Model(),):
            own = model.model_dump(exclude_unset=True)
            together = ("groups", "labels", "sample", "fgls", "pcse")
            nested = {name: shared.get(name, {}) | own.get(name, {}) for name in together}
            merged = shared | own | {name: values for name, values in nested.items() if values}
            found.append(Model.model_validate(merged).complete())
        return tuple(found)

    @model_validator(mode="after")
    def _possible(self) -> Specification:
        models = self.resolved()
        for model in models:
            _check(model)
        names = [label for model in models for label in labels(model)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two models are called {twice[0]!r}: give each of [[models]] a name of its own")
        return self


def labels(model: Model) -> tuple[str, ...]:
    """Names of the estimates of a model: the estimator, the model's name, or both."""
    estimators = model.estimators or ()
    if not model.name:
        return tuple(estimators)
    return (model.name,) if len(estimators) == 1 else tuple(f"{model.name} {one}" for one in estimators)


def _check(model: Model) -> None:
    """Refuse combinations that have no meaning."""
    what = f"model {model.name!r}: " if model.name else ""
    if not model.regressors:
        raise ValueError(f"{what}no regressors")
    if model.dependent in model.regressors:
        raise ValueError(f"{what}{model.dependent} is dependent and regressor at once")
    if len(set(model.regressors)) < len(model.regressors):
        raise ValueError(f"{what}a regressor occurs twice")
    pairs = model.data == "pairs"
    _check_groups(model, what)
    _check_effects(model, what)
    _check_names(
        what, "clusters", model.clusters, PAIR_CLUSTERS if pairs else PANEL_CLUSTERS, data=model.data
    )
    if len(model.clusters) > 2:
        raise ValueError(f"{what}{len(model.clusters)} clusters, expected one or two")
    if model.clusters and model.covariance != "clustered":
        raise ValueError(f'{what}clusters need covariance = "clustered"')
    if model.weights is not None:
        _check_weights(model, what)
    if pairs:
        _check_pairs(model, what)
    else:
        _check_panel(model, what)


def _check_groups(model: Model, what: str) -> None:
    for name, members in model.groups.items():
        if not members or (isinstance(members, dict) and not all(members.values())):
            raise ValueError(f"{what}groups.{name} has no members")


def _check_effects(model: Model, what: str) -> None:
    """Every effect is a known one, a group, or several of these joined by colons."""
    pairs = model.data == "pairs"
    plain = PAIR_EFFECTS if pairs else PANEL_EFFECTS
    sides = ("reporter.", "reference.") if pairs else ("",)
    groups = tuple(f"{side}{name}" for name in model.groups for side in sides)
    for effect in model.effects or ():
        factors = effect.split(PRODUCT)
        joined = ("reporter", "reference", "year") if pairs else PANEL_EFFECTS
        known = (*plain, *groups) if len(factors) == 1 else (*joined, *groups)
        _check_names(what, "effects", tuple(factors), known, data=model.data)
        if len(set(factors)) < len(factors):
            raise ValueError(f"{what}effects {effect!r} names something twice")


def _check_names(what: str, field: str, names: tuple[str, ...], known: tuple[str, ...], *, data: str) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(
            f"{what}{field} {unknown[0]!r} is not for data = {data!r}, which has {', '.join(known)}"
        )


def _check_weights(model: Model, what: str) -> None:
    term = parse_term(model.dependent)
    if term.columns != ("esi",) or term.functions & {"lag", "diff"}:
        raise ValueError(
            f"{what}weights are of a row's own esi, and {model.dependent} is not made of that alone"
        )
    unweighted = [one for one in model.estimators or () if one not in WEIGHTED]
    if unweighted:
        raise ValueError(
            f"{what}weights are for {' and '.join(WEIGHTED)}, not for {unweighted[0]}: give it a model of its own"
        )
    if model.diagnostics:
        raise ValueError(f"{what}diagnostics test a model without weights: give them a model of its own")


def _check_pairs(model: Model, what: str) -> None:
    if model.estimators != ("FE",):
        raise ValueError(f'{what}data = "pairs" is estimated with effects: estimators = ["FE"]')
    if not model.effects:
        raise ValueError(f"{what}no effects, expected some of {', '.join(PAIR_EFFECTS)}")
    if model.covariance == "driscoll_kraay":
        raise ValueError(f'{what}driscoll_kraay is not for pairs: use covariance = "clustered"')
    if model.diagnostics:
        raise ValueError(f'{what}diagnostics are for data = "panel"')
    if model.reference is not None:
        raise ValueError(f'{what}data = "pairs" has every reference: choose with [sample] references')


def _check_panel(model: Model, what: str) -> None:
    estimators = model.estimators or ()
    if "FE" in estimators and "country" not in (model.effects or ()):
        raise ValueError(f'{what}FE needs effects = ["country"]; without them it is pooled')
    if "FD" in estimators and "year" in (model.effects or ()):
        raise ValueError(f"{what}FD is estimated without year effects: give it a model of its own")
    own = [one for one in estimators if one in ("FGLS", "PCSE")]
    if own and model.covariance != "conventional":
        raise ValueError(
            f"{what}covariance = {model.covariance!r} is not for {own[0]}, which has its own: "
            "give it a model of its own"
        )
    if "between" in estimators and model.covariance in ("clustered", "driscoll_kraay"):
        raise ValueError(f'{what}between has one row a country: use covariance = "conventional" or "robust"')
    if model.covariance == "driscoll_kraay" and "FD" in estimators:
        raise ValueError(f"{what}driscoll_kraay is not for FD")
    if model.sample.references or model.sample.dyads != "twice":
        raise ValueError(f'{what}[sample] references and dyads are for data = "pairs"')
