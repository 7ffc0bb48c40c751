"""Prepares published similarities for display: one row per country, reference and year.

Two Comtrade codes may have one label (a state and its predecessor, `countries`). The esi table keeps the rows of both
codes. Tables by label show one of them and say which.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl

from minsum.countries.codes import code_of, iso3_of
from minsum.workspace.copies import bring

_COLUMNS = ["year", "reporter", "reference", "reporter_code", "reference_code", "esi"]
ENDS = ("esi_low", "esi_high")
"""Ends of the interval, present where vintages were converted."""
_NAMED = 12


def scan_similarities(files: Sequence[Path]) -> pl.LazyFrame:
    """Country, reference, year and similarity from esi files, with the ends of the interval where vintages were
    converted."""
    bring(files)
    esi = pl.scan_parquet(list(files), glob=False, hive_partitioning=False)
    there = esi.collect_schema().names() if files else []
    return esi.select(*_COLUMNS, *(name for name in ENDS if name in there))


def one_row_a_country(esi: pl.LazyFrame) -> tuple[pl.LazyFrame, list[str]]:
    """Where two codes of one year have the same label, keep the rows of the code in use.

    Parameters
    ----------
    esi
        Frame with year, reporter, reference and the codes of both.

    Returns
    -------
    Remaining rows in their order, and a sentence for each label and year with rows left out.
    """
    notes: dict[str, None] = {}
    rows = esi
    for side in ("reporter", "reference"):
        code = f"{side}_code"
        known = esi.select("year", side, code).drop_nulls(code).unique().collect()
        several = known.filter(pl.len().over("year", side) > 1).sort("year", code)
        dropped: list[tuple[int, int]] = []
        for (year, label), found in several.group_by("year", side, maintain_order=True):
            codes = found[code].to_list()
            [kept] = preferred_codes(codes)
            dropped += [(int(str(year)), one) for one in codes if one != kept]
            named = " and ".join(str(one) for one in codes)
            notes[f"{label} {year}: codes {named} carry this label; {kept} is shown."] = None
        if dropped:
            gone = pl.LazyFrame(
                dropped, schema={"year": known.schema["year"], code: known.schema[code]}, orient="row"
            )
            rows = rows.join(gone, on=["year", code], how="anti", maintain_order="left")
    is_itself = pl.col("reporter") == pl.col("reference")  # a state and its predecessor in one year
    return rows.filter(~is_itself), list(notes)


def narrow(esi: pl.LazyFrame, max_width: float | None) -> tuple[pl.LazyFrame, list[str]]:
    """Keep similarities whose interval is narrow enough; replace its ends with `esi_width`.

    Parameters
    ----------
    esi
        Frame with the column reporter. Without `esi_low` and `esi_high` (vintages apart) it is returned unchanged.
    max_width
        Largest allowed width; None allows all. A null similarity has no width and stays.

    Returns
    -------
    Remaining rows in their order, and with `max_width` a sentence on the rows left out.
    """
    if not set(ENDS) <= set(esi.collect_schema().names()):
        return esi, []
    rows = esi.with_columns(esi_width=pl.col("esi_high") - pl.col("esi_low")).drop(*ENDS)
    if max_width is None:
        return rows, []
    is_wide = (pl.col("esi_width") > max_width).fill_null(value=False)
    of_reporter = rows.group_by("reporter").agg(wide=is_wide.sum(), rows=pl.len()).sort("reporter").collect()
    wide = of_reporter.filter(pl.col("wide") > 0)
    named = ", ".join(
        f"{reporter} {count}" for reporter, count in wide.select("reporter", "wide").head(_NAMED).iter_rows()
    )
    rest = f" and {len(wide) - _NAMED} more countries" if len(wide) > _NAMED else ""
    told = (
        f"max_width {max_width:g}: {wide['wide'].sum():,} of {of_reporter['rows'].sum():,} similarities have a wider "
        f"interval and are left out{f' ({named}{rest})' if named else ''}"
    )
    return rows.filter(~is_wide), [told]


def preferred_codes(codes: Iterable[int]) -> set[int]:
    """One code per label: the code in use today, otherwise the highest."""
    by_label: dict[str, list[int]] = defaultdict(list)
    for code in codes:
        by_label[iso3_of(code)].append(code)
    return {
        current if len(group) > 1 and (current := code_of(label)) in group else max(group)
        for label, group in by_label.items()
    }
