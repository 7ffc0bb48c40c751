"""Converts the estimation sample from two pandas objects to sorted float64 arrays with panel boundaries."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from minsum.errors import EstimationError
from minsum.estimate.estimators.periods import period_numbers

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


def named(labels: Iterable[object], limit: int = 6) -> str:
    """List labels for a message, the first `limit` of them and how many more there are."""
    names = [str(label) for label in labels]
    rest = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + rest


@dataclass(frozen=True, slots=True)
class PanelSample:
    """One estimation sample, sorted by panel and time. N rows, m panels, k columns, T different times."""

    y: F64
    """Dependent variable, shape (N,)."""
    x: F64
    """Regressors, shape (N, k), with the constant and dummies the caller put there."""
    columns: pd.Index
    """Names of the k columns."""
    dependent: str
    """Name of the dependent variable."""
    index: pd.MultiIndex
    """(entity, time) of the rows, in the caller's order, shape (N,)."""
    order: I64
    """Position in the caller's order of each sorted row, shape (N,)."""
    entities: pd.Index
    """Labels of the panels, sorted, shape (m,)."""
    times: pd.Index
    """Labels of the times, sorted, shape (T,)."""
    starts: I64
    """First row of each panel, shape (m,)."""
    counts: I64
    """Rows of each panel, T_i, shape (m,)."""
    time_codes: I64
    """Position in `times` of each row, shape (N,)."""
    periods: I64 | None
    """Time of each row as a whole number of periods, shape (N,); None when the labels have no unit."""

    @property
    def n_obs(self) -> int:
        """Number of rows, N."""
        return int(self.y.size)

    @property
    def n_panels(self) -> int:
        """Number of panels, m."""
        return int(self.starts.size)

    @property
    def n_times(self) -> int:
        """Number of different times, T."""
        return len(self.times)

    @property
    def panel_codes(self) -> I64:
        """Position in `entities` of each row, shape (N,)."""
        return np.repeat(np.arange(self.n_panels), self.counts)

    @property
    def constant(self) -> Hashable | None:
        """Name of the first column that is the same nonzero number in every row, if any."""
        is_constant = (np.ptp(self.x, axis=0) == 0) & (self.x[0] != 0)
        return self.columns[int(np.argmax(is_constant))] if is_constant.any() else None

    def panel_sums(self, values: F64) -> F64:
        """Sum over the rows of each panel: shape (N, ...) -> (m, ...)."""
        return np.add.reduceat(values, self.starts, axis=0)

    def select(self, keep: Bool) -> PanelSample:
        """The sample with some of its columns, given by a mask of shape (k,)."""
        return replace(self, x=self.x[:, keep], columns=self.columns[keep])

    def place(self, values: F64, name: str) -> pd.Series:
        """Label values of the sorted rows with the caller's index, in the caller's order."""
        placed = np.empty_like(values)
        placed[self.order] = values
        return pd.Series(placed, index=self.index, name=name)

    def wide(self, values: F64) -> F64:
        """Rows as a table of times and panels, shape (T, m); NaN where a panel lacks a time."""
        table = np.full((self.n_times, self.n_panels), np.nan)
        table[self.time_codes, self.panel_codes] = values
        return table


def panel_sample(dependent: pd.Series | pd.DataFrame, exog: pd.Series | pd.DataFrame) -> PanelSample:
    """Check and sort an estimation sample.

    Parameters
    ----------
    dependent
        Dependent variable, a Series or a DataFrame of one column, with an (entity, time) MultiIndex.
    exog
        Regressors with the same index in any order. The constant and dummies are columns like others.

    Returns
    -------
    The sample, sorted by entity and time.

    Raises
    ------
    EstimationError
        If an index is not an (entity, time) MultiIndex, holds a missing or repeated label, or the two
        disagree; if a column is repeated or not numeric; if a value is missing or infinite; if there are
        no more rows than columns. Nothing is dropped.
    """
    y = _one_column(dependent)
    x = exog.to_frame() if isinstance(exog, pd.Series) else exog
    if not x.columns.is_unique:
        repeated = x.columns[x.columns.duplicated()].unique()
        raise EstimationError(f"exog names columns twice: {named(repeated)}", "rename or drop one of each")
    index = _checked_index(y.index, "dependent")
    if not index.equals(x.index):
        x = x.reindex(_same_rows(index, _checked_index(x.index, "exog")))
    columns = [_numbers(y.iloc[:, 0])] + [_numbers(x.iloc[:, j]) for j in range(x.shape[1])]
    names = [y.columns[0], *x.columns]
    _refuse_non_finite(columns, names=names, index=index)
    if len(index) <= x.shape[1]:
        raise EstimationError(
            f"{len(index)} observations for {x.shape[1]} coefficients ({named(x.columns)})",
            "there must be more observations than columns of exog: use fewer regressors or more data",
        )
    return _sorted_sample(columns, x.columns, dependent=str(y.columns[0]), index=index)


def _one_column(dependent: pd.Series | pd.DataFrame) -> pd.DataFrame:
    """The dependent variable as a DataFrame of one column."""
    if isinstance(dependent, pd.Series):
        return dependent.to_frame("dependent" if dependent.name is None else dependent.name)
    if dependent.shape[1] != 1:
        raise EstimationError(
            f"dependent has {dependent.shape[1]} columns ({named(dependent.columns)}), expected one",
            "pass one column",
        )
    return dependent


def _checked_index(index: pd.Index, what: str) -> pd.MultiIndex:
    """The index, if it is a complete (entity, time) index without repetition."""
    if not isinstance(index, pd.MultiIndex) or index.nlevels != 2:
        raise EstimationError(
            f"{what} has an index of {index.nlevels} level(s), expected (entity, time)",
            "use set_index([entity, time])",
        )
    for level, codes in zip(("entity", "time"), index.codes, strict=True):
        n_missing = int(np.sum(np.asarray(codes) < 0))
        if n_missing:
            raise EstimationError(f"{what} has {n_missing} rows without {level}", f"give each its {level}")
    repeated = index[index.duplicated()]
    if len(repeated):
        raise EstimationError(
            f"{what} has {len(repeated)} rows that repeat an (entity, time): {named(repeated.unique(), 3)}",
            "each panel may have one row per time: aggregate or drop the repetitions",
        )
    return index


def _same_rows(index: pd.MultiIndex, other: pd.MultiIndex) -> pd.MultiIndex:
    """The index, if `other` holds the same rows in some order."""
    lacking, extra = index.difference(other), other.difference(index)
    if len(lacking) or len(extra):
        raise EstimationError(
            f"dependent and exog have different rows: {len(lacking)} only in dependent "
            f"({named(lacking, 3) or 'none'}), {len(extra)} only in exog ({named(extra, 3) or 'none'})",
            "select the same (entity, time) rows of both",
        )
    return index


def _numbers(column: pd.Series) -> F64:
    """A column as float64; missing values as NaN."""
    if not (pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype)) or (
        pd.api.types.is_complex_dtype(column.dtype)
    ):
        raise EstimationError(
            f"column {column.name} holds {column.dtype}, expected numbers",
            "convert it to numbers, or to dummy columns with pandas.get_dummies",
        )
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _refuse_non_finite(columns: list[F64], *, names: list[Hashable], index: pd.MultiIndex) -> None:
    """Refuse missing and infinite values, counted per column, and say what dropping them would leave."""
    bad_rows = np.zeros(len(index), dtype=np.bool_)
    found = []
    for name, values in zip(names, columns, strict=True):
        is_missing, is_infinite = np.isnan(values), np.isinf(values)
        bad = is_missing | is_infinite
        if bad.any():
            kinds = [f"{int(is_missing.sum())} missing"] if is_missing.any() else []
            kinds += [f"{int(is_infinite.sum())} infinite"] if is_infinite.any() else []
            first = named(index[int(np.argmax(bad))])
            found.append(f"{name} {' and '.join(kinds)} (first at {first})")
            bad_rows |= bad
    if found:
        n_bad = int(bad_rows.sum())
        raise EstimationError(
            f"values that are not finite in {n_bad} of {len(index)} rows: " + "; ".join(found),
            f"drop these rows yourself, which leaves {len(index) - n_bad}, or fill them: "
            "the sample is never changed silently",
        )


def _sorted_sample(
    columns: list[F64], names: pd.Index, *, dependent: str, index: pd.MultiIndex
) -> PanelSample:
    """Sort checked columns, the dependent variable first, by entity and time."""
    entity_codes, entities = pd.factorize(index.get_level_values(0), sort=True)
    time_codes, times = pd.factorize(index.get_level_values(1), sort=True)
    order = np.lexsort((time_codes, entity_codes))
    counts = np.bincount(entity_codes).astype(np.int64)
    numbers = period_numbers(times)
    sorted_times = time_codes[order].astype(np.int64)
    x = np.empty((len(index), len(names)))
    for j, values in enumerate(columns[1:]):
        x[:, j] = values[order]
    return PanelSample(
        y=columns[0][order],
        x=x,
        columns=names,
        dependent=dependent,
        index=index,
        order=order.astype(np.int64),
        entities=pd.Index(entities),
        times=pd.Index(times),
        starts=np.concatenate(([0], np.cumsum(counts)[:-1])).astype(np.int64),
        counts=counts,
        time_codes=sorted_times,
        periods=None if numbers is None else numbers[sorted_times],
    )
