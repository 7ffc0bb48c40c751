"""What a model can be estimated with: estimators, effects, covariances, tests, and the sections of their options."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from minsum.settings.base import Section

Estimator = Literal["FE", "RE", "pooled", "between", "FD", "FGLS", "PCSE"]
Covariance = Literal["conventional", "robust", "clustered", "driscoll_kraay"]
Effect = Literal[
    "country", "year", "reporter", "reference", "pair", "dyad", "reporter_year", "reference_year"
]
"""Effects by themselves; an entry may also be a group, or join several by a colon, as `region:year`."""
Cluster = Literal["country", "year", "reporter", "reference", "pair", "dyad"]
Diagnostic = Literal[
    "effects", "hausman", "xttest0", "xttest2", "xttest3", "xtserial", "poolability", "pesaran_cd"
]
DIAGNOSTICS: Final[tuple[Diagnostic, ...]] = (
    "effects", "hausman", "xttest0", "xttest2", "xttest3", "xtserial", "poolability", "pesaran_cd",
)  # fmt: skip
PANEL_EFFECTS: Final = ("country", "year")
PAIR_EFFECTS: Final = ("pair", "dyad", "reporter", "reference", "year", "reporter_year", "reference_year")
PANEL_CLUSTERS: Final = ("country", "year")
WEIGHTED: Final = ("FE", "pooled")
"""Estimators that are least squares on rows, and so accept weights."""
PAIR_CLUSTERS: Final = ("dyad", "pair", "reporter", "reference", "year")


class Fgls(Section):
    """`[fgls]`: error structure of FGLS; see `minsum.estimate.PanelFGLS`."""

    panels: Literal["iid", "heteroskedastic", "correlated"] = "iid"
    corr: Literal["independent", "ar1", "psar1"] = "independent"
    rho_type: Literal["regress", "freg", "tscorr", "dw"] = "regress"
    igls: bool = False
    nmk: bool = False
    force: bool = False


class Pcse(Section):
    """`[pcse]`: options of panel-corrected standard errors; see `minsum.estimate.PanelPCSE`."""

    corr: Literal["independent", "ar1", "psar1"] = "independent"
    rho_type: Literal["regress", "freg", "tscorr", "dw"] = "regress"
    sigma: Literal["casewise", "pairwise", "hetonly"] = "casewise"
    nmk: bool = False
    force: bool = False


class Sample(Section):
    """`[sample]`: which rows of the data; empty means all. Lags look at rows outside the sample."""

    reporters: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    years: tuple[int, ...] = ()
    first_year: int | None = None
    last_year: int | None = None
    between: dict[str, tuple[float, float]] = Field(default_factory=dict)
    min_years: int = Field(default=1, ge=1)
    dyads: Literal["twice", "once"] = "twice"
