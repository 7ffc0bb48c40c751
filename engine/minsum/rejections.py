"""`rejected/`: one small record for each source that was refused, and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from minsum.errors import MinsumError
from minsum.workspace import Footer, Layout, canonical_json, publish_text

Record = dict[str, Any]


def write_rejection(
    layout: Layout, error: MinsumError, *, name: str, sha256: str, size: int, recipe: Footer
) -> None:
    """Record a source; `sha256` identifies it, `recipe` is what it was judged by."""
    record = {
        "name": name, "sha256": sha256, "size": size, "kind": type(error).__name__, "reason": error.message,
        "hint": error.hint, "recipe": recipe,
    }  # fmt: skip
    publish_text(canonical_json(record).decode(), layout.rejected / f"{sha256}.json", layout=layout)


def read_rejections(layout: Layout) -> dict[Path, Record]:
    """Every record, by its file."""
    return {
        file: json.loads(file.read_text(encoding="utf-8")) for file in sorted(layout.rejected.glob("*.json"))
    }
