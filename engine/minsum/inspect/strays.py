"""Files in published folders that minsum did not write. They are reported, never read, never removed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from minsum.report.file_digests import LIST, ReportFiles
from minsum.schema import YEARLY
from minsum.sources.rejections import broken_records
from minsum.workspace.footers import is_estimates
from minsum.workspace.layout import Layout


def find_strays(layout: Layout) -> Iterator[Path]:
    """Every file that minsum did not write, folder by folder. A glob over the folder would read it."""
    known: dict[Path, Callable[[], Iterable[Path]]] = {
        layout.flows: layout.partitions,
        layout.estimates: lambda: filter(is_estimates, layout.estimates.glob("*.parquet")),
    }
    known |= {layout.table(name): partial(layout.yearly, name) for name in YEARLY}
    for folder, ours in known.items():
        before = set(map(str, ours()))
        found = {os.path.join(place, name) for place, _, names in os.walk(folder) for name in names} - before
        if found:  # another run may have written files meanwhile
            found -= set(map(str, ours()))
        yield from sorted(path for path in map(Path, found) if _is_there(path))
    listed = {*ReportFiles(layout).names(), LIST}
    others = [path for path in sorted(layout.tables.glob("[!.]*")) if path.name not in listed]
    listed |= ReportFiles(layout).names() if others else set()
    yield from (path for path in others if path.name not in listed and _is_there(path))
    yield from broken_records(layout)


def _is_there(path: Path) -> bool:
    """Whether a path is a file or a broken link."""
    return not path.is_dir() and (path.exists() or path.is_symlink())
