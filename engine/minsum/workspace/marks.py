"""Compares outputs with what a stage wants: what to redo, what to remove and why. `run` and `status` both use it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from minsum.errors import DataCheckError
from minsum.workspace.checksums import damage
from minsum.workspace.copies import bring, bring_footers
from minsum.workspace.footers import Footer, canonical_json, digest, read_footer, read_footers
from minsum.workspace.publish import remove

_PROVEN_EACH_TIME: Final = 4 << 20
"""Files up to this size in bytes are verified at every comparison; larger files when they are used, and by `check`."""
DAMAGED: Final = "damaged"
NOT_THERE: Final = "not there"
UNWANTED: Final = "no longer asked for"


@dataclass(frozen=True, slots=True)
class Mark:
    """Everything that decides an output; equal marks mean equal content.

    Attributes
    ----------
    what
        Name of the output: `esi H2/2014`, `panel`.
    recipe
        Version that changes when the same inputs and options would give other content.
    options, inputs
        Options and inputs, as JSON values.
    """

    what: str
    recipe: str
    options: Any
    inputs: Any

    @property
    def digest(self) -> str:
        """Digest of the whole mark."""
        return digest([self.what, self.recipe, self.options, self.inputs])

    def record(self) -> Footer:
        """The mark as stored in the output's footer."""
        return {
            "what": self.what,
            "recipe": self.recipe,
            "options": self.options,
            "inputs": digest(self.inputs),
            "digest": self.digest,
        }

    def difference(self, record: Mapping[str, Any]) -> str | None:
        """Why an output with this record is outdated; None if it is current."""
        if record.get("digest") == self.digest:
            return None
        if record.get("what") != self.what:
            return "another output has its name"
        if record.get("recipe") != self.recipe:
            return "made by another version"
        if canonical_json(record.get("options")) != canonical_json(self.options):
            return "made under other settings"
        return "made from other inputs"


def reason_to_redo(path: Path, mark: Mark) -> str | None:
    """Why a Parquet output must be made anew; None if it is current."""
    try:
        if not path.exists():
            return NOT_THERE
        footer = read_footer(path)
        if path.stat().st_size <= _PROVEN_EACH_TIME and damage(path) is not None:
            return DAMAGED
    except (DataCheckError, OSError):
        return DAMAGED
    return mark.difference(footer)


@dataclass(frozen=True, slots=True)
class Plan:
    """Outputs that a stage wants, and how they differ from those present.

    Attributes
    ----------
    wanted
        Mark of every wanted output.
    redo, remove
        Reason for each output to make anew, and for each output to remove.
    """

    wanted: dict[Path, Mark] = field(default_factory=dict)
    redo: dict[Path, str] = field(default_factory=dict)
    remove: dict[Path, str] = field(default_factory=dict)

    def digests(self, folder: Path | None = None) -> dict[Path, str]:
        """Digests of the wanted outputs, or only of those in a folder."""
        return {
            path: mark.digest
            for path, mark in self.wanted.items()
            if folder is None or folder in path.parents
        }


def plan_of(
    wanted: Mapping[Path, Mark],
    present: Iterable[Path],
    why: Callable[[Path, Mark], str | None] = reason_to_redo,
) -> Plan:
    """Compare wanted outputs with present files."""
    there = [path for path in wanted if path.exists()]
    bring_footers(there)
    bring(path for path in there if path.stat().st_size <= _PROVEN_EACH_TIME)
    redo = {path: reason for path, mark in wanted.items() if (reason := why(path, mark)) is not None}
    return Plan(dict(wanted), redo, {path: UNWANTED for path in present if path not in wanted})


def digests_of(paths: Iterable[Path]) -> dict[Path, str]:
    """Digests stored in outputs.

    Raises
    ------
    DataCheckError
        If an output cannot be read.
    """
    return {path: str(footer.get("digest")) for path, footer in read_footers(paths).items()}


def remove_files(paths: Iterable[Path]) -> list[str]:
    """Remove outputs and folders that become empty; return the names of the outputs."""
    names = []
    for path in paths:
        remove(path)
        names.append(path.name)
        for folder in path.parents[:3]:
            with suppress(OSError):  # holds something else
                folder.rmdir()
    return names
