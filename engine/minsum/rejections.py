"""`rejected/`: one small record for each source that was refused, and why."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from minsum.errors import MinsumError
from minsum.workspace import Footer, Layout, canonical_json, publish_text

Record = dict[str, Any]


def write_rejection(
    layout: Layout, error: MinsumError, *, name: str, sha256: str, size: int, recipe: Footer
) -> None:
    """Record a source; `sha256` identifies it, `recipe` is what it was judged by."""
    target = layout.rejected / f"{sha256}.json"
    runs = _read(target).get("runs", 0) if target.is_file() else 0
    record = {
        "name": name, "sha256": sha256, "size": size, "kind": type(error).__name__, "reason": error.message,
        "hint": error.hint, "recipe": recipe, "runs": runs,
    }  # fmt: skip
    publish_text(canonical_json(record).decode(), target, layout=layout)


def read_rejections(layout: Layout) -> dict[Path, Record]:
    """Every record, by its file."""
    return {file: _read(file) for file in sorted(layout.rejected.glob("*.json"))}


def count_run(layout: Layout, names: Collection[str]) -> None:
    """Note that the sources of these names were rejected in one more run."""
    for file, record in read_rejections(layout).items():
        if record["name"] in names:
            once_more = record | {"runs": record.get("runs", 0) + 1}
            publish_text(canonical_json(once_more).decode(), file, layout=layout)


def runs_of(layout: Layout) -> dict[str, int]:
    """Name of each rejected source to the number of runs that rejected it."""
    return {record["name"]: record.get("runs", 0) for record in read_rejections(layout).values()}


def _read(file: Path) -> Record:
    record: Record = json.loads(file.read_text(encoding="utf-8"))
    return record
