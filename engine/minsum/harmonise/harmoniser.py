"""Conversions and families of one target, each made once."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from minsum.harmonise.filings import Filings, choose
from minsum.harmonise.options import HarmoniseOptions
from minsum.harmonise.tables import Tables

if TYPE_CHECKING:
    from minsum.harmonise.chain import Conversion
    from minsum.harmonise.families import Families, Groups

RECIPE: Final = "harmonise-1"


class Harmoniser:
    """What `[harmonise]` asks for, ready to be used.

    Parameters
    ----------
    options
        Target, method and tables.
    root
        Folder of the workspace, where the folder of tables is.

    Raises
    ------
    SettingsError, DataCheckError
        As `Tables.find`.

    Notes
    -----
    Nothing is read before it is needed: a run with nothing to do only looks at the tables' digests.
    """

    def __init__(self, options: HarmoniseOptions, root: Path) -> None:
        self.target = options.target
        self._options = options
        self._tables = Tables.find(options, root)
        self._conversions: dict[str, Conversion] = {}
        self._families: dict[tuple[str, str], Families] = {}
        self._groups: dict[tuple[str, str, int], Groups] = {}
        self._one_to_one: dict[str, frozenset[str]] = {}

    def recorded(self) -> dict[str, Any]:
        """What footers hold, and what makes a table stale when it changes."""
        return {
            "recipe": RECIPE,
            "target": self.target,
            "method": self._options.method,
            "successors": self._options.successors,
            **self._tables.recorded(),
        }

    def choose(self, flows: Iterable[Path], *, years: Collection[int] = ()) -> Filings:
        """Sort flows files out (`filings.choose`)."""
        return choose(flows, self._tables.reach(), years=years)

    def codes(self) -> list[str]:
        """Products of the target, ascending."""
        return [f"{code:06d}" for code in self._tables.codes()[self.target].tolist()]

    def conversion(self, vintage: str) -> Conversion:
        """From a vintage to the target."""
        from minsum.harmonise.chain import chain

        if vintage not in self._conversions:
            self._conversions[vintage] = chain(self._tables, vintage, self.target)
        return self._conversions[vintage]

    def families(self, oldest: str, newest: str) -> Families:
        """Of the vintages from oldest to newest."""
        from minsum.harmonise.families import families

        if (oldest, newest) not in self._families:
            self._families[oldest, newest] = families(self._tables, oldest, newest)
        return self._families[oldest, newest]

    def groups(self, oldest: str, newest: str, level: int) -> Groups:
        """Groups of the target's products within which values may have been allocated otherwise."""
        key = (oldest, newest, level)
        if key not in self._groups:
            self._groups[key] = self.families(oldest, newest).groups(self.target, level)
        return self._groups[key]

    def one_to_one(self, vintage: str) -> frozenset[str]:
        """Products of a vintage that are exactly one of the target, and the only ones that are."""
        if vintage not in self._one_to_one:
            oldest, newest = sorted((vintage, self.target))
            found = self.families(oldest, newest).one_to_one(vintage, self.target)
            self._one_to_one[vintage] = found
        return self._one_to_one[vintage]
