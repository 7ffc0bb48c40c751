"""What a workspace holds, read from its footers."""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from minsum.countries import GROUPS, is_group
from minsum.flows.codes import RULES
from minsum.flows.options import IngestOptions
from minsum.harmonise.islands import islands
from minsum.rejections import read_rejections
from minsum.staleness import by_key, esi_years, find_stale
from minsum.workspace import Footer, Layout, read_footer, read_footers

Record = dict[str, Any]


def read_status(layout: Layout, options: IngestOptions, *, is_harmonised: bool = False) -> Record:
    """State of the workspace.

    Parameters
    ----------
    layout
        The workspace.
    options
        Of ingest, for what is stale.
    is_harmonised
        Whether the settings bring HS vintages together.

    Returns
    -------
    `years`: reporters, rows, repairs of each classification-year and whether its similarities are there (`yes`,
    `no`, `stale`, or the vintage to which they were brought); `islands`: years in which no vintage has every
    country, and the vintage that would bring them together; `sources`: what each gave and what each rule removed; `rules` and `repairs`: the same over
    all of them; `rejected`: name, reason and hint of each rejected source; `stale`: what its inputs have
    overtaken; `panel` (None without one): its size, what is missing, where each variable came from and what did
    not match; `estimates`: by specification and model, how it was made and which rows it left out; `totals`.

    Raises
    ------
    DataCheckError
        If a flows file cannot be read.
    """
    by_path = read_footers(layout.partitions())
    footers = by_key(by_path)
    rejected = list(read_rejections(layout).values())
    sources = _sources(footers.values())
    stale = find_stale(layout, by_path, options)
    return {
        "workspace": str(layout.root.resolve()),
        "years": _years(
            layout, footers, {name for one in stale if one["what"] == "esi" for name in one["which"]}
        ),
        "islands": islands(() if is_harmonised else footers, groups=GROUPS).as_json(),
        "sources": sources,
        "rules": _added((one["rules"] for one in sources), order=RULES),
        "repairs": _added(footer["repairs"] for footer in footers.values()),
        "rejected": [{key: one[key] for key in ("name", "kind", "reason", "hint")} for one in rejected],
        "stale": stale,
        "panel": _panel(layout),
        "estimates": _estimates(layout),
        "totals": {
            "reporter-years": len(footers),
            "sources": len(sources),
            "rejected sources": len(rejected),
            "rows read": sum(one["rows_in"] for one in sources),
            "rows kept": sum(one["rows_kept"] for one in sources),
        },
    }


def _panel(layout: Layout) -> Record | None:
    if not layout.panel.is_file():
        return None
    footer = read_footer(layout.panel)
    names = ("classification", "rows", "countries", "missing", "covariates", "remarks")
    return {name: footer.get(name) for name in names}


def _estimates(layout: Layout) -> Record:
    return {path.stem: read_footer(path)["models"] for path in sorted(layout.estimates.glob("*.parquet"))}


def _years(layout: Layout, footers: dict[tuple[str, int, int], Footer], stale: set[str]) -> list[Record]:
    groups: dict[tuple[str, int], list[tuple[int, Footer]]] = defaultdict(list)
    for (classification, year, code), footer in footers.items():
        groups[classification, year].append((code, footer))
    there = esi_years(layout)
    return [
        {
            "classification": classification,
            "year": year,
            "reporters": sum(not is_group(code) for code, _ in members),
            "exports_bn_usd": sum(one["checks"].get("X", {}).get("world_usd", 0.0) for _, one in members)
            / 1e9,
            "repaired_rows": sum(repair["rows"] for _, one in members for repair in one["repairs"].values()),
            "esi": _state(f"{classification}/{year}", there, stale),
        }
        for (classification, year), members in sorted(groups.items())
    ]


def _state(name: str, there: dict[str, str], stale: set[str]) -> str:
    """Whether the similarities of flows are there, and in which vintage if they were brought to another."""
    table = there.get(name)
    if table is None:
        return "no"
    return "stale" if table in stale else "yes" if table == name else f"in {table.partition('/')[0]}"


def _sources(footers: Iterable[Footer]) -> list[Record]:
    """One entry a source, its audit added up over the reporter-years it gave."""
    found: dict[str, Record] = {}
    for footer in footers:
        for record in footer["sources"]:
            one = found.setdefault(
                record["sha256"],
                {key: record[key] for key in ("name", "format", "published", "sha256")}
                | {key: record[key] for key in record if key.startswith("bad_")}
                | {
                    "partitions": 0,
                    "rows_in": 0,
                    "rows_kept": 0,
                    "padded_codes": record["padded_codes"],
                    "rules": [],
                },
            )
            one["partitions"] += 1
            one["rows_in"] += record["rows_in"]
            one["rows_kept"] += record["rows_kept"]
            one["rules"].append(record["rules"])
    for one in found.values():
        one["rules"] = _added(one["rules"], order=RULES)
    return sorted(found.values(), key=lambda one: str(one["name"]))


def _added(counts: Iterable[Record], *, order: Iterable[str] = ()) -> Record:
    """Rows and USD by name, added up, in a given order or by name."""
    total: Record = defaultdict(lambda: {"rows": 0, "usd": 0.0})
    for one in counts:
        for name, hit in one.items():
            total[name]["rows"] += hit["rows"]
            total[name]["usd"] += hit["usd"]
    return {name: total[name] for name in (order or sorted(total)) if name in total}


def examine(folder: Path) -> dict[str, str]:
    """Versions, threads, memory and disk of this machine."""
    from minsum.pipeline import default_jobs
    from minsum.runs import versions

    disk = shutil.disk_usage(folder if folder.exists() else Path())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return versions() | {
        "threads": str(default_jobs()),
        "memory": f"{memory / 2**30:.1f} GiB",
        "disk free": f"{disk.free / 2**30:.1f} GiB",
    }
