"""Files among the published ones that minsum did not write: told, never read, never removed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from minsum.rejections import broken_records
from minsum.schema import YEARLY
from minsum.workspace import Layout, estimate_files


def find_strays(layout: Layout) -> Iterator[Path]:
    """Each such file, folder by folder: a glob of the folder would read it."""
    folders = {layout.flows: layout.partitions(), layout.estimates: estimate_files(layout)}
    folders |= {layout.table(name): layout.yearly(name) for name in YEARLY}
    for folder, known in folders.items():
        yield from (path for path in sorted(set(folder.rglob("*")) - set(known)) if not path.is_dir())
    yield from broken_records(layout)
