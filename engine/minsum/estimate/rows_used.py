"""The rows that models are estimated on: the panel, with another reference where a model asks for it, or all pairs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import polars as pl

from minsum.countries.names import comtrade_label
from minsum.countries.suggestions import near_labels
from minsum.errors import EstimationError, MissingInputError
from minsum.estimate.sample import Chosen, choose, in_common
from minsum.settings.specs import Model, Specification, labels
from minsum.settings.terms import parse_term
from minsum.workspace.checksums import prove
from minsum.workspace.footers import read_footer
from minsum.workspace.layout import Layout
from minsum.workspace.similarities import narrow, one_row_a_country, scan_similarities

_OF_REFERENCE: Final = "reference."


def esi_of_panel(layout: Layout) -> list[Path]:
    """Similarities of the panel's HS vintage, in order of years."""
    folder = f"classification={read_footer(layout.panel)['classification']}"
    return [path for path in layout.yearly("esi") if path.parent.name == folder]


def rows_used(layout: Layout, name: str) -> dict[str, Chosen]:
    """Rows that each model of `estimates/<name>.parquet` was estimated on.

    Returns
    -------
    By the model's name; one without is named by its estimators, and the only one by nothing.

    Raises
    ------
    DataCheckError
        If the estimates, the panel or the similarities are damaged.
    """
    spec = Specification.model_validate(read_footer(layout.estimate(name))["options"]["as_written"])
    models, esi = spec.resolved(), esi_of_panel(layout)
    prove([layout.panel, *esi])
    chosen, _notes = samples_of(layout, spec, models=models, esi=esi)
    names = [model.name or ("" if len(models) == 1 else "_".join(labels(model))) for model in models]
    return dict(zip(names, chosen, strict=True))


def samples_of(
    layout: Layout, spec: Specification, *, models: Sequence[Model], esi: Sequence[Path]
) -> tuple[list[Chosen], list[list[str]]]:
    """The sample of each model, and notes on the reading of its data; data that models share are read once."""
    read: dict[tuple[str, str | None, bool], tuple[pl.DataFrame, list[str]]] = {}
    chosen, notes = [], []
    for model in models:
        key = (model.data, model.reference, _needs_reference(model))
        if key not in read:
            read[key] = _read(layout, model, esi=esi)
        keys = ("reporter", "reference", "year") if model.data == "pairs" else ("reporter", "year")
        chosen.append(choose(read[key][0], model, keys=keys))
        notes.append(read[key][1])
    return in_common(chosen) if spec.common_sample else chosen, notes


def all_pairs(layout: Layout, esi: Sequence[Path]) -> tuple[pl.DataFrame, list[str]]:
    """All pairs of countries of these similarities, with the variables of both (`pair_data.read_pairs`); the sample is the panel's.

    Raises
    ------
    MissingInputError
        If there are no variables of countries.
    """
    from minsum.estimate.pair_data import read_pairs

    if not layout.country_years.is_file():
        raise MissingInputError(f"{layout.country_years}: not there yet", "make it: minsum panel")
    of_pairs = layout.pair_years if layout.pair_years.is_file() else None
    prove([layout.country_years, *([of_pairs] if of_pairs else [])])
    options = read_footer(layout.panel)["options"]
    return read_pairs(
        esi, layout.country_years, reporters=options["reporters"], years=options["years"],
        max_width=options.get("max_width"),  # panels made before it was a setting have none
        pair_years=of_pairs,
    )  # fmt: skip


def _needs_reference(model: Model) -> bool:
    """Whether a model of the panel has a variable of the reference."""
    terms = [parse_term(text).of_two_countries("") for text in (model.dependent, *model.regressors)]
    return model.data == "panel" and any(
        one.startswith(_OF_REFERENCE) for term in terms for one in term.columns
    )


def _with_reference(layout: Layout, panel: pl.DataFrame, reference: str) -> pl.DataFrame:
    """The panel with the variables of the reference in each year, `reference.capital` and so on.

    Raises
    ------
    EstimationError
        If the reference is a composite.
    """
    if reference.islower():
        raise EstimationError(
            f"{reference} is a composite and has no variables of its own",
            'set reference to a country in the model, such as reference = "USA", or leave out terms of the reference',
        )
    prove([layout.country_years])
    found = pl.read_parquet(layout.country_years, glob=False).filter(pl.col("reporter") == reference)
    named = found.drop("reporter").select("year", pl.exclude("year").name.prefix(_OF_REFERENCE))
    return panel.join(named, on="year", how="left", maintain_order="left")


def _read(layout: Layout, model: Model, *, esi: Sequence[Path]) -> tuple[pl.DataFrame, list[str]]:
    """The rows for a model, and notes on rows left out: the panel, with another reference if the model has one, or all
    pairs."""
    if model.data == "pairs":
        return all_pairs(layout, esi)
    panel = pl.read_parquet(layout.panel, glob=False)
    if _needs_reference(model):
        own = str(read_footer(layout.panel)["options"]["reference"])
        panel = _with_reference(layout, panel, comtrade_label(model.reference) if model.reference else own)
    if model.reference is None:
        return panel, []
    rows, notes = one_row_a_country(
        scan_similarities(esi).filter(pl.col("reference") == comtrade_label(model.reference))
    )
    kept, too_wide = narrow(rows, read_footer(layout.panel)["options"].get("max_width"))
    other = kept.collect()
    if other.is_empty():
        near = near_labels(model.reference)
        raise EstimationError(
            f"no similarity with {model.reference!r}",
            f"{f'did you mean {near[0]}? ' if near else ''}"
            "Name a country (ISO3) or a composite of [esi.references] in minsum.toml",
        )
    measures = [name for name in ("esi", "esi_width") if name in other.columns]
    joined = panel.drop(measures).join(
        other.select("reporter", "year", *measures),
        on=["reporter", "year"],
        how="left",
        maintain_order="left",
    )
    columns = ("reporter", "year", "esi")
    return joined.select(*columns, pl.exclude(*columns)), [*notes, *too_wide]
