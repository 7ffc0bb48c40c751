"""Plan of a world: everything that is drawn before any file is written."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minsum.countries.codes import code_of
from minsum.synth.baskets import (
    Profile,
    follower_profile,
    leader_profile,
    own_shares,
    reach,
    shares_at,
    world_exports,
)
from minsum.synth.covariates import BETA, NAMES, Drawn, draw_regressors, effect_within_reach
from minsum.synth.economies import LEADERS
from minsum.synth.spec import F64, I64, WorldSpec
from minsum.synth.trade import budget


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that files of different reporters share.

    Attributes
    ----------
    spec
        The world.
    drawn
        Regressors and errors.
    profiles
        What each reporter can sell, by code.
    leaders
        Pooled shares of the leaders by year, each of shape (n_products,).
    effects
        Country effects of the true model in the order of `spec.codes`; 0 for the leaders.
    filings
        Reporter code and year of every file, by year and code.
    """

    spec: WorldSpec
    drawn: Drawn
    profiles: dict[int, Profile]
    leaders: dict[int, F64]
    effects: F64
    filings: tuple[tuple[int, int], ...]

    def exports(self, code: int, year: int, *, import_share: float) -> I64:
        """World exports in mils by six-digit code; for a follower, those that make the model true.

        Parameters
        ----------
        code, year
            Reporter and year.
        import_share
            As realised in the reporter's imports.
        """
        if code in _leader_codes():
            shares = own_shares(self.profiles[code], year)
        else:
            i, t = self.spec.codes.index(code), self.spec.years.index(year)
            x = self.drawn.x[i, t].copy()
            x[NAMES.index("import_share")] = import_share
            target = float(self.effects[i] + x @ BETA + self.drawn.error[i, t])
            shares = shares_at(target, self.profiles[code], leaders=self.leaders[year], year=year)
        return world_exports(self.spec, code, year=year, shares=shares)


def make_plan(spec: WorldSpec) -> Plan:
    """Draw profiles, regressors and gaps. Country effects are chosen so that a basket exists for every year's similarity."""
    drawn = draw_regressors(spec)
    profiles = {code: _profile(spec, code) for code in spec.codes}
    leaders = {year: _pooled(spec, profiles, year) for year in spec.years}
    effects = np.zeros(len(spec.codes))
    for i, code in enumerate(spec.codes):
        if code not in _leader_codes():
            ends = np.array([reach(profiles[code], leaders[year], year) for year in spec.years])
            rest = drawn.x[i] @ BETA + drawn.error[i]
            lowest, highest = float(ends[:, 0].max()), float(ends[:, 1].min())
            effects[i] = effect_within_reach(drawn.level[i], rest, lowest=lowest, highest=highest)
    return Plan(spec, drawn, profiles, leaders, effects, _filings(spec))


def _leader_codes() -> tuple[int, ...]:
    return tuple(code_of(iso3) for iso3 in LEADERS)


def _profile(spec: WorldSpec, code: int) -> Profile:
    draw = leader_profile if code in _leader_codes() else follower_profile
    return draw(spec, code, budget(spec, code, "X").n_products)


def _pooled(spec: WorldSpec, profiles: dict[int, Profile], year: int) -> F64:
    """Shares of the leaders' pooled exports as written, residual codes left out."""
    pooled = np.zeros(spec.products, dtype=np.int64)
    for code in _leader_codes():
        shares = own_shares(profiles[code], year)
        pooled += world_exports(spec, code, year=year, shares=shares)[: spec.products]
    return np.asarray(pooled / pooled.sum())


def _filings(spec: WorldSpec) -> tuple[tuple[int, int], ...]:
    filings = [(code, year) for year in spec.years for code in spec.codes]
    may_miss = [filing for filing in filings if filing[0] not in _leader_codes()]
    count = round(spec.missing_share * len(may_miss))
    missing = {may_miss[i] for i in spec.stream("missing").permutation(len(may_miss))[:count]}
    return tuple(filing for filing in filings if filing not in missing)
