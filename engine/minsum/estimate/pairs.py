"""Estimates models on all pairs of countries: absorbs pair, country and year effects, with clustered errors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import polars as pl
from linearmodels.iv import AbsorbingLS
from linearmodels.panel.utility import AbsorbingEffectError

from minsum.errors import EstimationError
from minsum.estimate.estimators.panel_data import I64
from minsum.estimate.fitted import FEW_CLUSTERS, Fitted, distribution, term_table
from minsum.estimate.nesting import Codes, count, n_nested
from minsum.estimate.sample import WEIGHT, Chosen
from minsum.settings.specs import Model
from minsum.workspace.similarities import narrow, one_row_a_country

KEYS: Final = ("reporter", "reference", "year")
_SIDES: Final = ("reporter", "reference")
_MEASURES: Final = (
    "esi", "esi_width", "n_reporter", "n_reference", "n_common", "residual_reporter", "residual_reference",
)  # fmt: skip


def read_pairs(
    files: Sequence[Path],
    country_years: Path,
    *,
    reporters: Sequence[str] = (),
    years: Sequence[int] = (),
    max_width: float | None = None,
) -> tuple[pl.DataFrame, list[str]]:
    """Similarities of all pairs of countries with the variables of both.

    Parameters
    ----------
    files
        esi files of one classification.
    country_years
        Variables of every country and year; they are joined twice, as `reporter.capital` and `reference.capital`.
    reporters, years, max_width
        The panel's sample, empty and None for all; every country stays a reference.

    Returns
    -------
    Columns reporter, reference (of one enumeration), year, esi, n_*, residual_*, where vintages were brought together
    esi_width, and the variables, in the order of the files, one row for each reporter, reference and year; and what
    there is to say of rows that were left out. Read in a stream.
    """
    esi = pl.scan_parquet(list(files), glob=False)
    pairs = esi.filter(pl.col("reference_code").is_not_null())
    for name, chosen in (("reporter", reporters), ("year", years)):
        if chosen:
            pairs = pairs.filter(pl.col(name).is_in(list(chosen)))
    pairs, notes = one_row_a_country(pairs)
    pairs, too_wide = narrow(pairs, max_width)
    there = pairs.collect_schema().names()
    pairs = pairs.select(*KEYS, *(name for name in _MEASURES if name in there))
    sides = pl.scan_parquet(country_years, glob=False)
    variables = [name for name in sides.collect_schema().names() if name not in ("reporter", "year")]
    for side in _SIDES:
        of_side = sides.select(
            pl.col("reporter").alias(side),
            "year",
            *(pl.col(name).alias(f"{side}.{name}") for name in variables),
        )
        pairs = pairs.join(of_side, on=[side, "year"], how="left", maintain_order="left")
    labels = esi.select(pl.col("reporter").unique().sort()).collect().to_series()
    rows = pairs.with_columns(pl.col(_SIDES).cast(pl.Enum(labels))).collect(engine="streaming")
    return rows, [*notes, *too_wide]


def fit_pairs(chosen: Chosen, model: Model, *, label: str) -> Fitted:
    """Estimate a model of pairs by least squares with absorbed effects.

    Raises
    ------
    EstimationError
        If a regressor is absorbed by the effects, or there are too few rows or clusters.

    Notes
    -----
    As reghdfe: effects nested in the clusters take no degrees of freedom, and t has those of the smallest
    number of clusters less one.
    """
    rows = chosen.rows
    effects: Codes = {effect: _codes(rows, effect) for effect in model.effects or ()}
    exog = pd.DataFrame({name: rows[name].to_numpy() for name in model.regressors})
    n_effects = sum(count(codes) for codes in effects.values()) - len(effects) + 1
    if len(rows) <= exog.shape[1] + n_effects:
        raise EstimationError(
            f"{label}: {len(rows)} rows for {exog.shape[1] + n_effects} coefficients and effects",
            "use fewer effects or more years",
        )
    clusters = _clusters(rows, model, label=label)
    result = _absorb(rows, exog, effects=effects, clusters=clusters, model=model)
    df = int(result.df_resid)
    cov = result.cov
    if clusters:
        cov = cov * (df / (df + n_nested(effects, clusters)))
        df = min(count(codes) for codes in clusters.values()) - 1
    return Fitted(
        label=label,
        estimator="FE",
        dependent=str(model.dependent),
        about=_about(chosen, model, effects, df=df),
        terms=term_table(result.params, cov, df=df),
        distribution=distribution(df),
        n_obs=len(rows),
        n_entities=count(_codes(rows, "pair")),
        r_squared=float(result.absorbed_rsquared),
        warnings=_warnings(rows, clusters),
    )


def _absorb(rows: pl.DataFrame, exog: pd.DataFrame, *, effects: Codes, clusters: Codes, model: Model) -> Any:
    """The result of linearmodels, its covariance with all effects counted as degrees of freedom."""
    absorb = pd.DataFrame({name: _categories(codes) for name, codes in effects.items()})
    covariance: dict[str, Any] = {
        "cov_type": "unadjusted" if model.covariance == "conventional" else "robust"
    }
    if clusters:
        covariance = {"cov_type": "clustered", "clusters": np.column_stack(list(clusters.values()))}
    y, weights = rows[model.dependent].to_numpy(), rows[WEIGHT].to_numpy() if model.weights else None
    try:
        found = AbsorbingLS(y, exog, absorb=absorb, weights=weights)
        return found.fit(debiased=True, use_cache=False, **covariance)
    except AbsorbingEffectError as error:
        told = {word.strip(",") for word in str(error).split()}
        culprits = ", ".join(name for name in model.regressors if {*name.split()} <= told)
        raise EstimationError(
            f"{culprits or ', '.join(model.regressors)} does not vary beside the effects {', '.join(effects)} and the other regressors",
            "leave it out, or use fewer effects",
        ) from error


def _codes(rows: pl.DataFrame, name: str) -> I64:
    """Number of each row's effect or cluster, from 0 without gaps, shape (n_rows,)."""
    reporter, reference = (rows[side].to_physical().to_numpy().astype(np.int64) for side in _SIDES)
    year = rows["year"].to_numpy().astype(np.int64)
    size = max(int(reporter.max()), int(reference.max()), int(year.max())) + 1
    mixed = {
        "reporter": reporter,
        "reference": reference,
        "year": year,
        "pair": reporter * size + reference,
        "dyad": np.minimum(reporter, reference) * size + np.maximum(reporter, reference),
        "reporter_year": reporter * size + year,
        "reference_year": reference * size + year,
    }[name]
    codes: I64 = np.unique(mixed, return_inverse=True)[1]
    return codes


def _categories(codes: I64) -> pd.Categorical[int]:
    return pd.Categorical.from_codes(codes, categories=pd.RangeIndex(count(codes)))


def _clusters(rows: pl.DataFrame, model: Model, *, label: str) -> Codes:
    """Cluster of each row, for each way to cluster; empty for another covariance."""
    if model.covariance != "clustered":
        return {}
    clusters: Codes = {name: _codes(rows, name) for name in model.clusters}
    for name, codes in clusters.items():
        if count(codes) < 2:
            raise EstimationError(
                f"{label}: one cluster of {name}: nothing to compare", "cluster by what varies in the sample"
            )
    return clusters


def _about(chosen: Chosen, model: Model, effects: Codes, *, df: int) -> str:
    sizes = ", ".join(f"{count(codes):,} {name}" for name, codes in effects.items())
    kind = {"conventional": "conventional covariance", "robust": "covariance robust to heteroskedasticity"}
    covariance = kind.get(str(model.covariance), f"covariance clustered by {' and '.join(model.clusters)}")
    return (
        f"least squares on pairs of countries, effects absorbed ({sizes}){chosen.weights_text()}; {covariance}; t statistics with "
        f"{df:,} degrees of freedom; no constant: the effects hold it"
    )


def _warnings(rows: pl.DataFrame, clusters: Codes) -> tuple[str, ...]:
    """Few clusters; and pairs that stand in the data twice, with one similarity, as two observations."""
    found = [
        f"{count(codes)} clusters of {name}: with fewer than {FEW_CLUSTERS} the standard errors are too small"
        for name, codes in clusters.items()
        if count(codes) < FEW_CLUSTERS
    ]
    n_double = count(_codes(rows, "pair")) - count(_codes(rows, "dyad"))
    if n_double and not {"dyad", "reporter", "reference"} & set(clusters):
        found.append(
            f"{n_double:,} pairs occur in both directions with the same similarity, and this covariance takes "
            'them as independent: cluster by dyad, or set [sample] dyads = "once"'
        )
    return tuple(found)
