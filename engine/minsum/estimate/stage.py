"""Stage `estimate`: estimates a specification on the panel (or on all pairs) and writes one Parquet file.

Libraries are imported where they are used, because a run with nothing to do must not load them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from minsum.errors import DataCheckError, MissingInputError
from minsum.schema import check_table
from minsum.settings.specs import Model, Specification, labels
from minsum.workspace.checksums import prove
from minsum.workspace.footers import Footer, estimate_files, is_estimates, read_footer
from minsum.workspace.layout import Layout
from minsum.workspace.marks import Mark, Plan, digests_of, plan_of
from minsum.workspace.publish import publish_table

if TYPE_CHECKING:
    from pathlib import Path

    from minsum.estimate.fitted import Fitted
    from minsum.estimate.sample import Chosen

RECIPE: Final = "estimate-4"


@dataclass(frozen=True, slots=True)
class EstimateReport:
    """Result of the stage.

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


@dataclass(frozen=True, slots=True)
class Asked:
    """A specification, and its origin.

    Attributes
    ----------
    spec
        The specification.
    by
        Origin. `settings`: the estimates are removed when the settings no longer name the specification. `command`: made
        by `minsum estimate SPEC`; the estimates stay, and are kept up to date by the specification in their footer, until
        somebody deletes the file.
    """

    spec: Specification
    by: str = "settings"


@dataclass(frozen=True, slots=True)
class Inputs:
    """Inputs of the estimates.

    Attributes
    ----------
    panel
        Digest of the panel.
    classification
        HS vintage of the panel.
    esi
        Similarity files to their digests.
    """

    panel: str
    classification: str
    esi: Mapping[Path, str]


def inputs_of(layout: Layout) -> Inputs:
    """The current inputs.

    Raises
    ------
    MissingInputError
        If there is no panel.
    """
    if not layout.panel.is_file():
        raise MissingInputError(f"{layout.panel}: no panel yet", "build it first: minsum panel")
    from minsum.estimate.rows_used import esi_of_panel

    footer = read_footer(layout.panel)
    return Inputs(str(footer["digest"]), footer["classification"], digests_of(esi_of_panel(layout)))


def kept_specs(layout: Layout, known: Collection[str]) -> dict[str, Asked]:
    """Specifications of estimates that `minsum estimate SPEC` made, from their footers, without the known ones."""
    found = {}
    for path in estimate_files(layout):
        if path.stem not in known:
            try:
                options = read_footer(path)["options"]
                if options["asked_by"] == "command":
                    found[path.stem] = Asked(Specification.model_validate(options["as_written"]), "command")
            except (DataCheckError, LookupError, TypeError, ValueError):
                continue
    return found


def estimates_plan(layout: Layout, asked: Mapping[str, Asked], inputs: Inputs) -> Plan:
    """Plan of the estimates: missing or stale ones are redone, unwanted ones removed; files of others stay (`strays`)."""
    wanted = {layout.estimate(name): _mark(one, name=name, inputs=inputs) for name, one in asked.items()}
    return plan_of(wanted, filter(is_estimates, estimate_files(layout)))


def estimate(layout: Layout, spec: Specification, *, name: str, asked_by: str = "settings") -> EstimateReport:
    """Bring `estimates/<name>.parquet` up to date with the panel.

    Raises
    ------
    MissingInputError
        If there is no panel.
    EstimationError
        If a model cannot be estimated; the message names the culprit.
    DataCheckError
        If the panel or the similarities are damaged.
    """
    inputs = inputs_of(layout)
    plan = estimates_plan(layout, {name: Asked(spec, asked_by)}, inputs)
    target = layout.estimate(name)
    if not plan.redo:
        return EstimateReport(
            False, name, {one: told["rows"] for one, told in read_footer(target)["models"].items()}
        )
    from minsum.estimate.rows_used import samples_of

    models, esi = spec.resolved(), list(inputs.esi)
    prove([layout.panel, *(esi if any(_looks_beyond(model) for model in models) else ())])
    chosen, notes = samples_of(layout, spec, models=models, esi=esi)
    told: dict[str, Any] = {}
    fitted: list[Fitted] = []
    for model, sample, said in zip(models, chosen, notes, strict=True):
        of_model, tests = _fit(model, sample)
        of_model = [replace(one, warnings=(*said, *one.warnings)) for one in of_model]
        fitted += of_model
        about = {
            "data": model.data,
            "equation": _equation(model),
            "sample": sample.record(),
            "diagnostics": tests,
        }
        told |= {one.label: one.record() | about | {"rows": one.n_obs} for one in of_model}
    footer = {"stage": "estimate", "spec": name, "models": told} | plan.wanted[target].record()
    _publish(fitted, target, footer=footer, layout=layout)
    return EstimateReport(True, name, {one.label: one.n_obs for one in fitted})


def _publish(fitted: Sequence[Fitted], target: Path, *, footer: Footer, layout: Layout) -> None:
    from minsum.estimate.fitted import estimates_table

    table = estimates_table(fitted, footer["spec"])
    check_table(table, "estimates")
    publish_table(table, target, footer=footer, layout=layout)


def _mark(asked: Asked, *, name: str, inputs: Inputs) -> Mark:
    """Mark from the panel, the specification and, if a model looks beyond the panel, the similarities."""
    is_beyond = any(_looks_beyond(model) for model in asked.spec.resolved())
    beyond = [[path.stem, mark] for path, mark in inputs.esi.items()] if is_beyond else []
    written = asked.spec.model_dump(mode="json", exclude_unset=True)  # unset fields are inherited
    options = asked.spec.model_dump(mode="json") | {"asked_by": asked.by, "as_written": written}
    return Mark(f"estimates {name}", RECIPE, options, [inputs.panel, beyond])


def _looks_beyond(model: Model) -> bool:
    """Whether a model needs similarities that are not in the panel."""
    return model.data == "pairs" or model.reference is not None


def _equation(model: Model) -> str:
    return f"{model.dependent} = {' + '.join(model.regressors)}"


def _fit(model: Model, sample: Chosen) -> tuple[list[Fitted], dict[str, Any]]:
    """Every estimate of one model, and its tests."""
    names = zip(labels(model), model.estimators or (), strict=True)
    if model.data == "pairs":
        from minsum.estimate.pairs import fit_pairs

        return [fit_pairs(sample, model, label=label) for label, _ in names], {}
    from minsum.estimate.design import make_design
    from minsum.estimate.diagnose import diagnose
    from minsum.estimate.gls import fit_gls
    from minsum.estimate.linear import fit_linear

    design = make_design(sample, model)
    fits = {"FGLS": fit_gls, "PCSE": fit_gls}
    fitted = [fits.get(kind, fit_linear)(design, kind, label=label) for label, kind in names]
    return fitted, diagnose(design)
