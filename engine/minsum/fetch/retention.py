"""Removes fetched files of earlier publications from `raw/`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection
from pathlib import Path

from minsum.sources.files import discover
from minsum.sources.publications import Publication, from_name
from minsum.workspace.layout import Layout
from minsum.workspace.publish import remove


def prune(layout: Layout, keep: int, *, superseded: Callable[[], Collection[str]]) -> list[str]:
    """Remove fetched files beyond the latest publications of each reporter-year.

    Parameters
    ----------
    layout
        The workspace; the caller holds its lock.
    keep
        Number of publications to keep.
    superseded
        Returns names of sources that the lake knows and does not use; called only when a file could be removed. Other
        files are never removed.

    Returns
    -------
    Names of the removed files.
    """
    slots: dict[str, list[tuple[Publication, Path]]] = defaultdict(list)
    for path in discover([layout.raw]) if layout.raw.is_dir() else []:
        publication = from_name(path.name)
        if publication is not None and publication.row_key is not None:
            slots[publication.slot].append((publication, path))
    beyond = [
        path
        for versions in slots.values()
        for _, path in sorted(versions, key=lambda found: (found[0].version, found[1].name), reverse=True)[
            keep:
        ]
    ]
    unused = set(superseded()) if beyond else set()
    gone = [path for path in beyond if path.name in unused]
    for path in gone:
        remove(path)
    return sorted(path.name for path in gone)
