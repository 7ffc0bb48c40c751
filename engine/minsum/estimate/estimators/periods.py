"""Numbers the periods of a time index; defines "one period apart"."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

_CALENDAR_UNITS = ("Y", "Q", "M", "D")


def period_numbers(times: pd.Index) -> npt.NDArray[np.int64] | None:
    """Number the times so that neighbours in time differ by one.

    Parameters
    ----------
    times
        Different time labels, sorted, shape (T,).

    Returns
    -------
    Whole numbers of periods, shape (T,), or None when the labels have no unit (text, broken numbers).

    Notes
    -----
    The unit comes from the labels, not from the data: whole numbers (2015, 2016.0) are periods as they
    stand, so 2002 and 2006 are four apart even when no year lies between them. Periods count in their own
    frequency. Dates count in the longest of year, quarter, month and day that tells all of them apart.
    """
    if isinstance(times, pd.PeriodIndex):
        return times.asi8
    if times.inferred_type == "date":
        times = pd.DatetimeIndex(times)
    if isinstance(times, pd.DatetimeIndex):
        stamps = times.tz_localize(None)
        for unit in _CALENDAR_UNITS:
            periods = stamps.to_period(unit)
            if periods.is_unique:
                return periods.asi8
        return None
    if not pd.api.types.is_numeric_dtype(times.dtype) or pd.api.types.is_bool_dtype(times.dtype):
        return None
    numbers = times.to_numpy(dtype=np.float64)
    return numbers.astype(np.int64) if np.all(numbers == np.rint(numbers)) else None
