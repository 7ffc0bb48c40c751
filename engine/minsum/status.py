"""What a workspace holds, read from its footers."""

from __future__ import annotations

import json
import os
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

from minsum.countries import is_group
from minsum.workspace import Footer, Layout, partition_key, read_footer


def read_status(layout: Layout) -> dict[str, Any]:
    """State of the workspace.

    Returns
    -------
    `years`: reporters, rows, repairs and rejected rows of each classification-year and whether its
    similarities are there; `sources`: what each gave and what each rule removed; `rejected`: name, reason and
    hint of each rejected source; `totals`.
    """
    footers = {partition_key(path): read_footer(path) for path in layout.partitions()}
    rejected = [
        json.loads(file.read_text(encoding="utf-8")) for file in sorted(layout.rejected.glob("*.json"))
    ]
    sources = _sources(footers)
    return {
        "workspace": str(layout.root.resolve()),
        "years": _years(layout, footers),
        "sources": sources,
        "rejected": [{key: one[key] for key in ("name", "kind", "reason", "hint")} for one in rejected],
        "totals": {
            "reporter-years": len(footers),
            "sources": len(sources),
            "rejected sources": len(rejected),
            "rows read": sum(one["rows_in"] for one in sources),
            "rows kept": sum(one["rows_kept"] for one in sources),
        },
    }


def _years(layout: Layout, footers: dict[tuple[str, int, int], Footer]) -> list[dict[str, Any]]:
    groups: dict[tuple[str, int], list[tuple[int, Footer]]] = defaultdict(list)
    for (classification, year, code), footer in footers.items():
        groups[classification, year].append((code, footer))
    return [
        {
            "classification": classification,
            "year": year,
            "reporters": sum(not is_group(code) for code, _ in members),
            "exports_bn_usd": sum(one["checks"].get("X", {}).get("world_usd", 0.0) for _, one in members)
            / 1e9,
            "repaired_rows": sum(repair["rows"] for _, one in members for repair in one["repairs"].values()),
            "esi": "yes"
            if (layout.esi / f"classification={classification}" / f"{year}.parquet").is_file()
            else "no",
        }
        for (classification, year), members in sorted(groups.items())
    ]


def _sources(footers: dict[tuple[str, int, int], Footer]) -> list[dict[str, Any]]:
    """One entry a source, its audit added up over the reporter-years it gave."""
    found: dict[str, dict[str, Any]] = {}
    for footer in footers.values():
        for record in footer["sources"]:
            one = found.setdefault(
                record["sha256"],
                {key: record[key] for key in ("name", "format", "published", "sha256")}
                | {"partitions": 0, "rows_in": 0, "rows_kept": 0, "rules": {}},
            )
            one["partitions"] += 1
            one["rows_in"] += record["rows_in"]
            one["rows_kept"] += record["rows_kept"]
            for rule, hit in record["rules"].items():
                total = one["rules"].setdefault(rule, {"rows": 0, "usd": 0.0})
                total["rows"] += hit["rows"]
                total["usd"] += hit["usd"]
    return sorted(found.values(), key=lambda one: one["name"])


def examine(folder: Path) -> dict[str, str]:
    """Versions, threads, memory and disk of this machine."""
    from minsum.pipeline import default_jobs, versions

    disk = shutil.disk_usage(folder if folder.exists() else Path())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return versions() | {
        "threads": str(default_jobs()),
        "memory": f"{memory / 2**30:.1f} GiB",
        "disk free": f"{disk.free / 2**30:.1f} GiB",
    }
