"""Rejoins lines that a comma in an unquoted country name has split: `Korea, Rep.,KOR,2002`."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from minsum.countries.names import match_code, match_name
from minsum.panel.covariates.columns import find_keys


def rejoined(stray: pl.DataFrame, names: tuple[str, ...]) -> pl.DataFrame | None:
    """Lines with more fields than the header, with the country's name rejoined.

    Parameters
    ----------
    stray
        Columns line, `0`, `1`, ... (text): lines with values beyond the header.
    names
        Names in the header.

    Returns
    -------
    The same columns; None unless in every line the joined name is a known country and agrees with the code, if the
    line has a code.
    """
    keys = find_keys(names)
    if not keys.names:
        return None
    place = names.index(keys.names[0])
    code = names.index(keys.code) if keys.code else None
    rows = []
    for line, *cells in stray.iter_rows():
        fields = _joined([cell or "" for cell in cells], n_names=len(names), place=place, code=code)
        if fields is None:
            return None
        rows.append((line, *fields))
    return pl.DataFrame(rows, schema=stray.schema, orient="row")


def _joined(fields: Sequence[str], *, n_names: int, place: int, code: int | None) -> list[str | None] | None:
    n_fields = max(position for position, field in enumerate(fields) if field.strip()) + 1
    more = n_fields - n_names
    last = place + more
    name = ", ".join(field.strip() for field in fields[place : last + 1])
    label = match_name(name)
    joined = [*fields[:place], name, *fields[last + 1 :], *[""] * more]
    if label is None or (code is not None and match_code(joined[code]) != label):
        return None
    return [field or None for field in joined]
