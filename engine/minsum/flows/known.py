"""What the lake holds of each source, by its footers. Without Numba: a run to which every file is known, and `status`, need no more."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from minsum.workspace import Footer, Layout, read_footers

RECIPE: Final = "flows-3"
"""Changes whenever the same input would give another file; older partitions are then made anew. 2: proof in the footer. 3: codes that are mended
or refused, products of fewer digits."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the lake already holds of each source, by SHA-256."""

    footers: dict[Path, Footer]

    def complete(self, recipe: Footer) -> set[str]:
        """Digests of sources whose every partition is in the lake (or superseded there) under this recipe."""
        seen: Counter[str] = Counter()
        expected: dict[str, int] = {}
        for footer in self.footers.values():
            is_current = footer["recipe"] == recipe
            for record in footer["superseded"] + (footer["sources"] if is_current else []):
                seen[record["sha256"]] += 1
                expected[record["sha256"]] = record["partitions"]
        return {sha for sha, count in seen.items() if count >= expected[sha]}

    def names(self) -> dict[str, str]:
        """Digest to the name under which the lake knows the source."""
        return {
            record["sha256"]: record["name"]
            for footer in self.footers.values()
            for record in footer["sources"] + footer["superseded"]
        }

    def unused(self) -> set[str]:
        """Names of sources that were superseded everywhere they gave something."""
        used = {record["name"] for footer in self.footers.values() for record in footer["sources"]}
        return {record["name"] for footer in self.footers.values() for record in footer["superseded"]} - used


def survey(layout: Layout) -> Known:
    """Read every footer of the lake.

    Raises
    ------
    DataCheckError
        If a file in the lake was not written by minsum.
    """
    return Known(read_footers(layout.partitions()))
