"""Finds the tables of a chain, shipped or in the user's folder, and reads each on first use."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from minsum.errors import DataCheckError, SettingsError
from minsum.harmonise.filings import Reach
from minsum.harmonise.shipped import Nomenclature, Pair, nomenclature, shipped, shipped_digest
from minsum.harmonise.weights import Weights, is_weights, read_weights, weighted_step
from minsum.harmonise.workbooks import Concordance, is_workbook, read_workbook
from minsum.settings.esi import Harmonise
from minsum.workspace.copies import bring

SHIPPED: Final = "shipped"


@dataclass(slots=True)
class Tables:
    """Sources of the steps of a chain.

    Attributes
    ----------
    target
        Vintage at the end of the chain.
    weight_files
        Step to its weight file.
    workbooks
        The user's workbooks, which replace all shipped tables; empty to use the shipped tables.
    digests
        File name to SHA-256 of every file that the chain may read.
    """

    target: str
    weight_files: dict[Pair, Path]
    workbooks: list[Path]
    digests: dict[str, str]
    _read: dict[Pair, Concordance] = field(default_factory=dict)
    _weights: dict[Path, Weights] = field(default_factory=dict)

    @classmethod
    def find(cls, options: Harmonise, root: Path) -> Tables:
        """Find the tables that the options name; of weight files, only headers are read.

        Raises
        ------
        SettingsError
            If the folder does not exist or lacks the files that the method needs.
        DataCheckError
            If the header of a weight file contradicts its name, or two weight files are for the same step.
        """
        if options.tables is None:
            if options.method == "weights":
                raise SettingsError(
                    'harmonise.method is "weights", but harmonise.tables names no folder',
                    'set tables to a folder of weight files, or method = "un"',
                )
            return cls(options.target, {}, [], {SHIPPED: shipped_digest()})
        folder = root / options.tables
        if not folder.is_dir():
            raise SettingsError(f"harmonise.tables: {folder}: no such folder", "make it, or leave tables out")
        files = sorted(path for path in folder.iterdir() if path.is_file())
        bring(files)
        books = [path for path in files if is_workbook(path)]
        weights = _weight_files(files) if options.method == "weights" else {}
        if options.method == "weights" and not weights:
            raise SettingsError(
                f"harmonise.tables: {folder}: no weight files (H5,H4,weight,group_id)",
                'put them there, or set method = "un"',
            )
        if options.method == "un" and not books:
            raise SettingsError(
                f"harmonise.tables: {folder}: no UN workbooks (.xls, .xlsx)",
                'leave tables out: minsum has the UN\'s tables; or set method = "weights"',
            )
        used = [*weights.values(), *books]
        digests = {path.name: sha256(path.read_bytes()).hexdigest() for path in used}
        return cls(
            options.target, weights, books, digests if books else digests | {SHIPPED: shipped_digest()}
        )

    def recorded(self) -> dict[str, Any]:
        """Record for footers: the digest of every table, and the steps that use weights."""
        return {
            "tables": self.digests,
            "weights": sorted(self.reach().weighted),
        }

    def reach(self) -> Reach:
        """Which vintages can be converted to the target."""
        return Reach(self.target, frozenset(f"{source}-{target}" for source, target in self.weight_files))

    def concordance(self, newer: str, older: str) -> Concordance:
        """The UN's table between two adjacent vintages.

        Raises
        ------
        DataCheckError
            If the user's workbooks lack the table, or one of the workbooks is bad.
        """
        if not self.workbooks:
            return shipped()[newer, older]
        if not self._read:
            bring(self.workbooks)  # on a worker, tasks that ended have let go of them
            tables = map(read_workbook, self.workbooks)
            self._read = {(table.newer, table.older): table for table in tables}
        if (newer, older) not in self._read:
            there = ", ".join(f"{a}-{b}" for a, b in sorted(self._read))
            raise DataCheckError(
                f"harmonise.tables: no workbook {newer} to {older}; there are {there}",
                "add it to the folder, or leave tables out: minsum ships the UN's tables",
            )
        return self._read[newer, older]

    def weights(self, source: str, target: str) -> Weights | None:
        """Weights of a step; None where the step uses the Conversion sheet."""
        path = self.weight_files.get((source, target))
        if path is not None and path not in self._weights:
            bring([path])
            self._weights[path] = read_weights(path, nomenclature())
        return None if path is None else self._weights[path]

    def codes(self) -> Nomenclature:
        """Codes of every vintage."""
        return nomenclature()


def _weight_files(files: list[Path]) -> dict[Pair, Path]:
    found: dict[Pair, Path] = {}
    for path in files:
        if is_weights(path):
            step = weighted_step(path)
            if step in found:
                raise DataCheckError(
                    f"{path.name} and {found[step].name}: both are weights {step[0]} to {step[1]}",
                    "remove one of the two files",
                )
            found[step] = path
    return found
