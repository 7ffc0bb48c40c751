"""Published similarities as people read them: one row for each country, reference and year.

A label may belong to two Comtrade codes (a state and its predecessor, `countries`). The esi table keeps both
rows, apart by their codes; whatever shows countries by label shows one of them, and says which.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl

from minsum.countries import code_of, iso3_of

_COLUMNS = ["year", "reporter", "reference", "reporter_code", "reference_code", "esi"]


def scan_similarities(files: Sequence[Path]) -> pl.LazyFrame:
    """The columns of esi files that say who, with whom, when and how similar."""
    return pl.scan_parquet(list(files), glob=False, hive_partitioning=False).select(_COLUMNS)


def one_row_a_country(esi: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Rows of the code in use where two codes of one year carry one label.

    Parameters
    ----------
    esi
        Columns of `scan_similarities`.

    Returns
    -------
    The rows that stay, in their order, and a sentence for each label and year of which rows were left out.
    """
    notes: dict[str, None] = {}
    for side in ("reporter", "reference"):
        code = f"{side}_code"
        known = esi.select("year", side, code).drop_nulls(code).unique()
        several = known.filter(pl.len().over("year", side) > 1).sort("year", code)
        dropped: list[tuple[int, int]] = []
        for (year, label), rows in several.group_by("year", side, maintain_order=True):
            codes = rows[code].to_list()
            [kept] = preferred_codes(codes)
            dropped += [(int(str(year)), one) for one in codes if one != kept]
            named = " and ".join(str(one) for one in codes)
            notes[f"{label} {year}: codes {named} carry this label; {kept} is shown."] = None
        if dropped:
            gone = pl.DataFrame(
                dropped, schema={"year": esi.schema["year"], code: esi.schema[code]}, orient="row"
            )
            esi = esi.join(gone, on=["year", code], how="anti", maintain_order="left")
    is_itself = pl.col("reporter") == pl.col("reference")  # a state and its predecessor in one year
    return esi.filter(~is_itself), list(notes)


def preferred_codes(codes: Iterable[int]) -> set[int]:
    """One code for each label: the one in use today, or else the highest."""
    by_label: dict[str, list[int]] = defaultdict(list)
    for code in codes:
        by_label[iso3_of(code)].append(code)
    return {
        current if len(group) > 1 and (current := code_of(label)) in group else max(group)
        for label, group in by_label.items()
    }
