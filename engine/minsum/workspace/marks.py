"""What an output is made from, and what a stage has to make anew or to remove: said once, for `run` and `status` alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from minsum.errors import DataCheckError
from minsum.workspace.checksums import damage
from minsum.workspace.footers import Footer, canonical_json, digest, read_footer

_PROVEN_EACH_TIME: Final = 4 << 20
"""Bytes up to which a file is proven at every look; larger ones are when they are used, and by `check`."""
DAMAGED: Final = "damaged"
NOT_THERE: Final = "not there"
UNWANTED: Final = "no longer asked for"


@dataclass(frozen=True, slots=True)
class Mark:
    """Everything that decides an output: equal marks, equal content.

    Attributes
    ----------
    what
        Which output: `esi H2/2014`, `panel`.
    recipe
        Changes whenever the same inputs and options would give other content.
    options, inputs
        As JSON holds them.
    """

    what: str
    recipe: str
    options: Any
    inputs: Any

    @property
    def digest(self) -> str:
        """Of all of it."""
        return digest([self.what, self.recipe, self.options, self.inputs])

    def record(self) -> Footer:
        """What the output keeps of it."""
        return {
            "what": self.what,
            "recipe": self.recipe,
            "options": self.options,
            "inputs": digest(self.inputs),
            "digest": self.digest,
        }

    def difference(self, record: Mapping[str, Any]) -> str | None:
        """Why an output with this record is not the one that is wanted; None when it is."""
        if record.get("digest") == self.digest:
            return None
        if record.get("what") != self.what:
            return "another output lies in its place"
        if record.get("recipe") != self.recipe:
            return "made by another version"
        if canonical_json(record.get("options")) != canonical_json(self.options):
            return "made under other settings"
        return "made from other inputs"


def why_anew(path: Path, mark: Mark) -> str | None:
    """Why a Parquet output has to be made anew; None when it is what is wanted."""
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
    """What a stage wants to be there, and how that differs from what is there.

    Attributes
    ----------
    wanted
        Every output to its mark.
    redo, remove
        Outputs to make anew, and those to remove, with the reason.
    """

    wanted: dict[Path, Mark] = field(default_factory=dict)
    redo: dict[Path, str] = field(default_factory=dict)
    remove: dict[Path, str] = field(default_factory=dict)

    def digests(self, folder: Path | None = None) -> dict[Path, str]:
        """Digests of the wanted outputs, or of those below a folder."""
        return {
            path: mark.digest
            for path, mark in self.wanted.items()
            if folder is None or folder in path.parents
        }


def plan_of(
    wanted: Mapping[Path, Mark],
    present: Iterable[Path],
    why: Callable[[Path, Mark], str | None] = why_anew,
) -> Plan:
    """Compare what is wanted with what is there."""
    redo = {path: reason for path, mark in wanted.items() if (reason := why(path, mark)) is not None}
    return Plan(dict(wanted), redo, {path: UNWANTED for path in present if path not in wanted})


def digests_of(paths: Iterable[Path]) -> dict[Path, str]:
    """Digests that outputs hold.

    Raises
    ------
    DataCheckError
        If one cannot be read.
    """
    return {path: str(read_footer(path).get("digest")) for path in paths}


def remove_files(paths: Iterable[Path]) -> list[str]:
    """Remove outputs, and the folders that they leave empty; returns their names."""
    names = []
    for path in paths:
        path.unlink(missing_ok=True)
        names.append(path.name)
        for folder in path.parents[:3]:
            with suppress(OSError):  # holds something else
                folder.rmdir()
    return names
