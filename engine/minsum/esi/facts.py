"""What `coverage.parquet` says of reporter-years that were harmonised or mirrored, read from the footers of `esi/`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from minsum.countries.codes import WORLD, iso3_of
from minsum.esi.coverage import Facts
from minsum.workspace.copies import bring
from minsum.workspace.footers import read_footer
from minsum.workspace.layout import Layout, partition_key

if TYPE_CHECKING:
    from minsum.harmonise.filings import Filings
    from minsum.harmonise.harmoniser import Harmoniser


def coverage_facts(layout: Layout, filings: Filings, harmoniser: Harmoniser) -> Facts:
    """Whether and how each reporter-year was converted to the target vintage."""
    facts: Facts = {}
    for path, reason in filings.left_out.items():
        facts[place_key(path)] = {
            "harmonised_to": None,
            "unmatched_usd": None,
            "converted": None,
            "reason": reason,
            "unit": None,
        }
    of_year = {int(path.stem): read_footer(path).get("filings", {}) for path in layout.yearly("esi")}
    for year, files in filings.chosen.items():
        for path in files:
            code = partition_key(path)[2]
            found = of_year.get(year, {}).get(str(code))
            why = None if found else "nothing of the basis was filed, or the year has none of [esi] reporters"
            facts[place_key(path)] = {
                "harmonised_to": harmoniser.target if found else None,
                "unmatched_usd": found and found["unmatched_usd"],
                "converted": found and found["converted"],
                "reason": why,
                "unit": iso3_of(unit) if (unit := harmoniser.unit(code)) != code else None,
            }
    return facts


def mirror_facts(layout: Layout, flows: Iterable[Path]) -> Facts:
    """A row of `coverage.parquet` for each mirrored reporter-year.

    `partners_share`: part of the country's exports, in the nearest year it filed, that went to the partners that
    reported; null where it never filed.
    """
    filings: dict[int, list[Path]] = defaultdict(list)
    for path in flows:
        filings[partition_key(path)[2]].append(path)
    facts: Facts = {}
    for table in layout.yearly("esi"):
        target, year = table.parent.name.partition("=")[2], int(table.stem)
        for name, one in read_footer(table).get("mirrors", {}).items():
            code = int(name)
            facts[f"{target}/{year}/{code}"] = {
                "classification": target,
                "year": year,
                "reporter": iso3_of(code),
                "reporter_code": code,
                "source": f"imports of {len(one['partners'])} partners",
                "format": "mirror",
                "n_products": one["n_products"],
                "exports_usd": one["exports_usd"],
                "rows_in": 0,
                "rows_kept": 0,
                "harmonised_to": target,
                "unmatched_usd": None,
                "n_partners": len(one["partners"]),
                "partners_share": _exports_to(filings[code], one["partners"], year=year),
            }
    return facts


def place_key(path: Path) -> str:
    """Key of a flows file in `Facts`: classification, year and reporter code, as `H2/2014/156`."""
    return "/".join(str(part) for part in partition_key(path))


def _exports_to(filings: Sequence[Path], partners: Collection[int], *, year: int) -> float | None:
    """Share of these partners in a country's exports, from the filing nearest to a year; None without a filing.

    Of two filings as near, the later year counts, then the newer vintage."""
    if not filings:
        return None

    def distance(path: Path) -> tuple[int, int, str]:
        vintage, filed, _ = partition_key(path)
        return abs(filed - year), -filed, f"{9 - int(vintage[1:])}"

    nearest = min(filings, key=distance)
    bring([nearest])
    sums = (
        pl.scan_parquet(nearest, glob=False, hive_partitioning=False)
        .filter(pl.col("flow") == "X", pl.col("partner_code") != WORLD, pl.col("product_code") != "TOTAL")
        .select(
            all=pl.col("value_usd").sum(),
            ours=pl.col("value_usd").filter(pl.col("partner_code").is_in(list(partners))).sum(),
        )
        .collect()
    )
    whole, ours = sums.row(0)
    return ours / whole if whole else None
