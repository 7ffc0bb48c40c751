"""Stage `estimates`: a specification on the panel (or on all pairs), one Parquet file.

Libraries are imported where they are used: a run with nothing to do must not load them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from minsum.country_hints import near_labels
from minsum.country_names import understood
from minsum.errors import EstimationError, MissingInputError
from minsum.schema import check_table
from minsum.specs import Model, Specification, labels
from minsum.workspace import Footer, Layout, digest, footer_digest, publish_table, read_footer

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from minsum.estimates.fitted import Fitted
    from minsum.estimates.sample import Chosen

RECIPE: Final = "estimate-3"


@dataclass(frozen=True, slots=True)
class EstimateReport:
    """What the stage did.

    Attributes
    ----------
    changed
        Whether the file was written.
    spec
        Name of the specification, and of the file.
    models
        Label of each estimate to its rows.
    """

    changed: bool
    spec: str
    models: dict[str, int]


def estimate(layout: Layout, spec: Specification, *, name: str) -> EstimateReport:
    """Bring `estimates/<name>.parquet` up to date with the panel.

    Raises
    ------
    MissingInputError
        If there is no panel.
    EstimationError
        If a model cannot be estimated; the message names the culprit.
    """
    if not layout.panel.is_file():
        raise MissingInputError(f"{layout.panel}: no panel yet", "build it first: minsum panel")
    classification = read_footer(layout.panel)["classification"]
    esi = sorted((layout.esi / f"classification={classification}").glob("*.parquet"))
    models = spec.resolved()
    mark = _digest(layout, spec, models=models, esi=esi)
    target = layout.estimates / f"{name}.parquet"
    if footer_digest(target) == mark:
        return EstimateReport(
            False, name, {one: told["rows"] for one, told in read_footer(target)["models"].items()}
        )
    chosen = _samples(layout, spec, models=models, esi=esi)
    told: dict[str, Any] = {}
    fitted: list[Fitted] = []
    for model, sample in zip(models, chosen, strict=True):
        of_model, tests = _fit(model, sample)
        fitted += of_model
        about = {
            "data": model.data,
            "equation": _equation(model),
            "sample": sample.told(),
            "diagnostics": tests,
        }
        told |= {one.label: one.told() | about | {"rows": one.n_obs} for one in of_model}
    _publish(fitted, target, footer={"spec": name, "models": told, "digest": mark}, spec=spec, layout=layout)
    return EstimateReport(True, name, {one.label: one.n_obs for one in fitted})


def _publish(
    fitted: Sequence[Fitted], target: Path, *, footer: Footer, spec: Specification, layout: Layout
) -> None:
    from minsum.estimates.fitted import estimates_table

    table = estimates_table(fitted, footer["spec"])
    check_table(table, "estimates")
    head = {"stage": "estimate", "recipe": RECIPE, "options": spec.model_dump(mode="json")}
    publish_table(table, target, footer=head | footer, layout=layout)


def _digest(layout: Layout, spec: Specification, *, models: Sequence[Model], esi: Sequence[Path]) -> str:
    """Of the panel, the specification and, where a model looks beyond the panel, the similarities."""
    beyond = [path for path in esi if any(_looks_beyond(model) for model in models)]
    similarities = [[path.stem, footer_digest(path)] for path in beyond]
    return digest([RECIPE, spec.model_dump(mode="json"), footer_digest(layout.panel), similarities])


def _looks_beyond(model: Model) -> bool:
    return model.data == "pairs" or model.reference is not None


def _equation(model: Model) -> str:
    return f"{model.dependent} = {' + '.join(model.regressors)}"


def _samples(
    layout: Layout, spec: Specification, *, models: Sequence[Model], esi: Sequence[Path]
) -> list[Chosen]:
    """The sample of each model; data that models share are read once."""
    from minsum.estimates.sample import choose, in_common

    read: dict[tuple[str, str | None], pl.DataFrame] = {}
    chosen = []
    for model in models:
        key = (model.data, model.reference)
        if key not in read:
            read[key] = _read(layout, model, esi=esi)
        keys = ("reporter", "reference", "year") if model.data == "pairs" else ("reporter", "year")
        chosen.append(choose(read[key], model, keys=keys))
    return in_common(chosen) if spec.common_sample else chosen


def _read(layout: Layout, model: Model, *, esi: Sequence[Path]) -> pl.DataFrame:
    """The panel, with the similarity of another reference where one is asked for; or all pairs."""
    import polars as pl

    if model.data == "pairs":
        from minsum.estimates.pairs import read_pairs

        options = read_footer(layout.panel)["options"]
        if not layout.country_years.is_file():
            raise MissingInputError(f"{layout.country_years}: not there yet", "make it: minsum panel")
        sample = {"reporters": options["reporters"], "years": options["years"]}
        return read_pairs(esi, layout.country_years, **sample)
    panel = pl.read_parquet(layout.panel, glob=False)
    if model.reference is None:
        return panel
    from minsum.similarities import one_row_a_country, scan_similarities

    rows = scan_similarities(esi).filter(pl.col("reference") == understood(model.reference)).collect()
    other = one_row_a_country(rows)[0].select("reporter", "year", "esi")
    if other.is_empty():
        near = near_labels(model.reference)
        raise EstimationError(
            f"no similarity with {model.reference!r}",
            f"{f'did you mean {near[0]}? ' if near else ''}"
            "Name a country (ISO3) or a composite of [esi.references] in minsum.toml",
        )
    joined = panel.drop("esi").join(other, on=["reporter", "year"], how="left", maintain_order="left")
    return joined.select("reporter", "year", "esi", pl.exclude("reporter", "year", "esi"))


def _fit(model: Model, sample: Chosen) -> tuple[list[Fitted], dict[str, Any]]:
    """Every estimate of one model, and its tests."""
    names = zip(labels(model), model.estimators or (), strict=True)
    if model.data == "pairs":
        from minsum.estimates.pairs import fit_pairs

        return [fit_pairs(sample, model, label=label) for label, _ in names], {}
    from minsum.estimates.design import design
    from minsum.estimates.diagnose import diagnose
    from minsum.estimates.gls import fit_gls
    from minsum.estimates.linear import fit_linear

    one = design(sample, model)
    fits = {"FGLS": fit_gls, "PCSE": fit_gls}
    fitted = [fits.get(kind, fit_linear)(one, kind, label=label) for label, kind in names]
    return fitted, diagnose(one)
