"""Stage `estimates`: one equation by fixed effects, random effects and feasible GLS, on the panel.

Libraries are imported where they are used: a run with nothing to do must not load them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import pyarrow as pa

from minsum.errors import EstimationError, MissingInputError
from minsum.schema import check_table
from minsum.workspace import Footer, Layout, digest, footer_digest, publish_table

if TYPE_CHECKING:
    import pandas as pd

RECIPE: Final = "estimate-1"
Estimator = Literal["FE", "RE", "FGLS"]


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """One equation and how to estimate it.

    Attributes
    ----------
    dependent, regressors
        Columns of the panel.
    estimators
        `FE` within, `RE` Swamy-Arora, `FGLS` with country dummies and iid errors (Stata's xtgls defaults).
    time_effects
        Whether each year has an effect of its own.
    """

    dependent: str
    regressors: tuple[str, ...]
    estimators: tuple[Estimator, ...] = ("FE", "RE", "FGLS")
    time_effects: bool = False


@dataclass(frozen=True, slots=True)
class Fitted:
    """One estimated model.

    Attributes
    ----------
    model, about
        Its short name, and in words: effects, distribution of the statistic, meaning of the constant.
    terms
        Indexed by term: coefficient, std_error, statistic, p_value.
    r_squared
        Within for FE, overall for RE, None for FGLS.
    """

    model: Estimator
    about: str
    terms: pd.DataFrame
    r_squared: float | None


def estimate(layout: Layout, options: ModelOptions) -> bool:
    """Bring `estimates/main.parquet` up to date with the panel; False when it was current.

    Raises
    ------
    MissingInputError
        If there is no panel.
    EstimationError
        If the model cannot be estimated; the message names the culprit.
    """
    if not layout.panel.is_file():
        raise MissingInputError(f"{layout.panel}: no panel yet", "build it first: minsum panel")
    mark = digest([RECIPE, asdict(options), footer_digest(layout.panel)])
    target = layout.estimates / "main.parquet"
    if footer_digest(target) == mark:
        return False
    sample, dropped = read_sample(layout, options)
    models = [fit(sample, options, estimator) for estimator in options.estimators]
    table = _table(models, sample)
    check_table(table, "estimates")
    footer: Footer = {
        "stage": "estimate",
        "recipe": RECIPE,
        "options": asdict(options),
        "dropped": dropped,
        "models": {one.model: one.about for one in models},
        "digest": mark,
    }
    publish_table(table, target, footer=footer, layout=layout)
    return True


def read_sample(layout: Layout, options: ModelOptions) -> tuple[pd.DataFrame, dict[str, dict[str, int]]]:
    """Complete rows of the panel, indexed by (reporter, year), and what was dropped.

    Returns
    -------
    The sample; and for each variable with gaps, how many rows of each reporter lack it.

    Raises
    ------
    EstimationError
        If the panel lacks a column, or no row is complete.
    """
    import pandas as pd

    panel = pd.read_parquet(layout.panel).set_index(["reporter", "year"])
    wanted = [options.dependent, *options.regressors]
    unknown = [name for name in wanted if name not in panel.columns]
    if unknown:
        raise EstimationError(
            f"the panel has no column {unknown[0]!r}; it has {', '.join(panel.columns)}",
            "add a covariate file with that variable, or correct [estimate] in minsum.toml",
        )
    chosen = panel[wanted].astype(float)
    gaps = chosen.isna()
    dropped = {
        name: {str(reporter): int(count) for reporter, count in rows.groupby(level=0).sum().items() if count}
        for name, rows in gaps.items()
        if rows.any()
    }
    sample = chosen[~gaps.any(axis=1)]
    if sample.empty:
        raise EstimationError(
            f"no row of the panel is complete; missing per variable: { ({k: sum(v.values()) for k, v in dropped.items()}) }",
            "fill the covariate files, or leave out the variable that is missing everywhere",
        )
    return sample, {str(name): counts for name, counts in dropped.items()}


def fit(sample: pd.DataFrame, options: ModelOptions, estimator: Estimator) -> Fitted:
    """Estimate one model.

    Parameters
    ----------
    sample
        Complete rows indexed by (reporter, year): the dependent variable and the regressors.
    options
        The equation.
    estimator
        Which estimator.
    """
    run = {"FE": _fixed_effects, "RE": _random_effects, "FGLS": _fgls}[estimator]
    return run(sample, options)


def _exog(sample: pd.DataFrame, options: ModelOptions, *, dummies: Sequence[str]) -> pd.DataFrame:
    """Constant, regressors, and dummies of the named index levels, the first of each left out."""
    import pandas as pd

    parts = [sample[list(options.regressors)].assign(const=1.0)]
    for level in dummies:
        labels = pd.Series(sample.index.get_level_values(level), index=sample.index)
        parts.append(pd.get_dummies(labels, prefix=level, drop_first=True, dtype=float))
    return pd.concat(parts, axis=1)


def _years(options: ModelOptions) -> list[str]:
    return ["year"] if options.time_effects else []


def _effects(options: ModelOptions) -> str:
    return "country and year effects" if options.time_effects else "country effects, no year effects"


def _fixed_effects(sample: pd.DataFrame, options: ModelOptions) -> Fitted:
    from linearmodels import PanelOLS

    from minsum.estimate.checks import refuse_constant_within
    from minsum.estimate.panel_data import panel_sample

    regressors = sample[list(options.regressors)]
    refuse_constant_within(panel_sample(sample[options.dependent], regressors))
    model = PanelOLS(
        sample[options.dependent],
        regressors.assign(const=1.0),
        entity_effects=True,
        time_effects=options.time_effects,
    )
    result = model.fit()
    about = (
        f"fixed effects (within), {_effects(options)}; t statistics with {int(result.df_resid)} degrees of "
        "freedom; the constant is the average effect"
    )
    return Fitted("FE", about, _terms(result, p_values=result.pvalues), float(result.rsquared_within))


def _random_effects(sample: pd.DataFrame, options: ModelOptions) -> Fitted:
    from linearmodels import RandomEffects
    from scipy import stats

    result = RandomEffects(sample[options.dependent], _exog(sample, options, dummies=_years(options))).fit()
    years = "year effects" if options.time_effects else "no year effects"
    about = f"random effects (Swamy-Arora), {years}; z statistics; r_squared is the squared correlation of fit and data"
    fitted = sample[list(options.regressors)] @ result.params[list(options.regressors)]
    overall = float(fitted.corr(sample[options.dependent]) ** 2)
    p_values = result.tstats.map(lambda z: 2 * stats.norm.sf(abs(z)))
    return Fitted("RE", about, _terms(result, p_values=p_values), overall)


def _fgls(sample: pd.DataFrame, options: ModelOptions) -> Fitted:
    from minsum.estimate.fgls import PanelFGLS

    exog = _exog(sample, options, dummies=["reporter", *_years(options)])
    result = PanelFGLS(sample[options.dependent], exog).fit()
    about = (
        f"feasible GLS with iid errors, variance e'e/N, {_effects(options)} by dummies; z statistics; the constant "
        f"is the effect of {sample.index.get_level_values(0).min()}, the omitted country"
    )
    return Fitted("FGLS", about, _terms(result, p_values=result.pvalues), None)


def _terms(result: Any, *, p_values: pd.Series) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        {
            "coefficient": result.params,
            "std_error": result.std_errors,
            "statistic": result.tstats,
            "p_value": p_values,
        }
    )


def stars(p_value: float) -> str:
    """*** 1 %, ** 5 %, * 10 %."""
    return "*" * sum(p_value < level for level in (0.01, 0.05, 0.10))


def _table(models: list[Fitted], sample: pd.DataFrame) -> pa.Table:
    n_entities = sample.index.get_level_values(0).nunique()
    rows = [
        {
            "model": one.model,
            "term": term,
            "coefficient": values["coefficient"],
            "std_error": values["std_error"],
            "statistic": values["statistic"],
            "p_value": values["p_value"],
            "stars": stars(values["p_value"]),
            "n_obs": len(sample),
            "n_entities": n_entities,
            "r_squared": one.r_squared,
        }
        for one in models
        for term, values in one.terms.to_dict("index").items()
    ]
    schema = pa.schema(
        [
            ("model", pa.string()),
            ("term", pa.string()),
            *((name, pa.float64()) for name in ("coefficient", "std_error", "statistic", "p_value")),
            ("stars", pa.string()),
            ("n_obs", pa.int32()),
            ("n_entities", pa.int32()),
            ("r_squared", pa.float64()),
        ]
    )
    return pa.Table.from_pylist(rows, schema=schema)
