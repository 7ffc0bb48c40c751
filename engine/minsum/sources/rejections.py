"""`rejected/`: one small record per rejected source, with its name, digest and the reason."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from minsum.errors import SourceError
from minsum.sources.files import Source
from minsum.workspace.footers import Footer, canonical_json, digest
from minsum.workspace.layout import Layout
from minsum.workspace.publish import publish_text, remove

log = logging.getLogger("minsum")
Record = dict[str, Any]
_FIELDS: Final = (
    ("name", str), ("sha256", str), ("size", int), ("kind", str), ("reason", str), ("hint", str), ("recipe", dict),
)  # fmt: skip


def write_rejection(layout: Layout, error: SourceError, source: Source, *, recipe: Footer) -> None:
    """Record a rejected source, identified by name and digest; `recipe` holds the options that decided it."""
    target = layout.rejected / f"{digest([source.name, source.sha256])}.json"
    before = _read(target)
    record = {
        "name": source.name, "sha256": source.sha256, "size": source.size, "kind": type(error).__name__,
        "reason": error.message, "hint": error.hint, "recipe": recipe,
        "is_final": error.is_final,
        "because": error.because,
        "is_in_raw": source.path.is_relative_to(layout.raw.resolve()),
        "runs": before["runs"] if before is not None else 0,
    }  # fmt: skip
    publish_text(canonical_json(record).decode(), target, layout=layout)


def drop_rejections(
    layout: Layout, rejected: Collection[tuple[str, str]], *, at_hand: Collection[str], has_raw: bool
) -> None:
    """Delete outdated rejection records.

    Parameters
    ----------
    layout
        The workspace.
    rejected
        Digest and name of each source that is rejected now.
    at_hand
        Names of all sources at hand; their records are deleted unless they are among `rejected`.
    has_raw
        Whether these include all of `raw/`; then records of files gone from `raw/` are deleted too.
    """
    for file, record in read_rejections(layout).items():
        one = record["sha256"], record["name"]
        is_gone = has_raw and record["is_in_raw"] and record["name"] not in at_hand
        is_ours = record["name"] in at_hand and (one not in rejected or file.stem != digest([*reversed(one)]))
        if is_gone or is_ours:
            remove(file)


def read_rejections(layout: Layout) -> dict[Path, Record]:
    """All valid records by file; see `broken_records` for the others."""
    found = {file: _read(file) for file in _files(layout)}
    return {file: record for file, record in found.items() if record is not None}


def count_run(layout: Layout, names: Collection[str]) -> None:
    """Add one to the number of runs that rejected each of these sources."""
    for file, record in read_rejections(layout).items():
        if record["name"] in names:
            once_more = record | {"runs": record["runs"] + 1}
            publish_text(canonical_json(once_more).decode(), file, layout=layout)


def runs_of(layout: Layout) -> dict[str, int]:
    """Number of runs that rejected each source, by name."""
    return {record["name"]: record["runs"] for record in read_rejections(layout).values()}


def broken_records(layout: Layout) -> list[Path]:
    """Files in `rejected/` that hold no valid record: truncated, or from another program."""
    return [file for file in _files(layout) if _read(file) is None and file.exists()]


def drop_broken_records(layout: Layout) -> None:
    """Delete files without a valid record. Ingest writes a new record for each source that is still rejected."""
    for file in broken_records(layout):
        if file.is_file():
            remove(file)
            log.warning("%s: no record of a rejected source: removed", file)


def _files(layout: Layout) -> list[Path]:
    return sorted(layout.rejected.glob("*.json"))


def _read(file: Path) -> Record | None:
    """A record; `runs` is 0 until a run counts it."""
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    is_record = isinstance(record, dict) and all(isinstance(record.get(name), kind) for name, kind in _FIELDS)
    if not is_record:
        return None
    runs, because = record.get("runs"), record.get("because")
    whole: Record = record | {
        "runs": runs if isinstance(runs, int) else 0,
        "is_final": record.get("is_final") is True,
        "is_in_raw": record.get("is_in_raw") is True,
        "because": because if isinstance(because, dict) else {},
    }
    return whole
