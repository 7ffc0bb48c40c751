"""Harmoniser: conversions, families and merged countries for one target vintage, each computed once and cached."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from minsum.countries.codes import iso3_of
from minsum.errors import DataCheckError
from minsum.harmonise.filings import Filings, choose
from minsum.harmonise.successors import units_among
from minsum.harmonise.tables import Tables
from minsum.settings.esi import Harmonise
from minsum.workspace.footers import canonical_json
from minsum.workspace.layout import partition_key

if TYPE_CHECKING:
    from minsum.harmonise.chain import Conversion
    from minsum.harmonise.families import Families, Groups

RECIPE: Final = "harmonise-1"


class Harmoniser:
    """Harmonisation as the section `[harmonise]` of the settings defines it.

    Parameters
    ----------
    options
        `[harmonise]`: target, method and tables.
    root
        Folder of the workspace; the folder of tables is relative to it.

    Raises
    ------
    SettingsError, DataCheckError
        As `Tables.find`.

    Attributes
    ----------
    target
        HS vintage to which all flows are converted.
    units
        Code of a state to the code of its unit; set by `choose`, empty unless successors are merged.

    Notes
    -----
    Tables are read on first use: a run with nothing to do only computes their digests.
    """

    def __init__(self, options: Harmonise, root: Path) -> None:
        self.target = options.target
        self._options, self._root = options, root
        self._tables = Tables.find(options, root)
        self._conversions: dict[str, Conversion] = {}
        self._families: dict[tuple[str, str], Families] = {}
        self._groups: dict[tuple[str, str, int], Groups] = {}
        self._one_to_one: dict[str, frozenset[str]] = {}
        self.units: dict[int, int] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """State for another process, which reads the tables itself instead of receiving them with every task."""
        return _of_this_process, (
            self._options,
            self._root.absolute(),
            tuple(self.units.items()),
            canonical_json(self.recorded()),
        )

    def recorded(self) -> dict[str, Any]:
        """Record for footers; a table is stale when its record differs from this one."""
        return {
            "recipe": RECIPE,
            "target": self.target,
            "method": self._options.method,
            "successors": self._options.successors,
            **({"units": {str(code): unit for code, unit in self.units.items()}} if self.units else {}),
            **self._tables.recorded(),
        }

    def choose(self, flows: Iterable[Path], *, years: Collection[int] = ()) -> Filings:
        """Choose among all flows files of the lake (`filings.choose`), and set `units`."""
        flows = list(flows)
        if self._options.successors == "merge":
            self.units = units_among({partition_key(path)[2] for path in flows})
        return choose(flows, self._tables.reach(), years=years)

    def unit(self, code: int) -> int:
        """Code of a reporter's or partner's unit; its own code where it belongs to none."""
        return self.units.get(code, code)

    def label(self, code: int) -> str:
        """ISO3 label of a reporter's unit."""
        return iso3_of(self.unit(code))

    def codes(self) -> list[str]:
        """Products of the target, ascending."""
        return [f"{code:06d}" for code in self._tables.codes()[self.target].tolist()]

    def conversion(self, vintage: str) -> Conversion:
        """Conversion of a vintage to the target."""
        from minsum.harmonise.chain import chain

        if vintage not in self._conversions:
            self._conversions[vintage] = chain(self._tables, vintage, self.target)
        return self._conversions[vintage]

    def families(self, oldest: str, newest: str) -> Families:
        """Families of the vintages from oldest to newest."""
        from minsum.harmonise.families import families

        if (oldest, newest) not in self._families:
            self._families[oldest, newest] = families(self._tables, oldest, newest)
        return self._families[oldest, newest]

    def groups(self, oldest: str, newest: str, level: int) -> Groups:
        """Groups of the target's products within which a conversion may allocate values differently."""
        key = (oldest, newest, level)
        if key not in self._groups:
            self._groups[key] = self.families(oldest, newest).groups(self.target, level)
        return self._groups[key]

    def one_to_one(self, vintage: str) -> frozenset[str]:
        """Products of a vintage with exactly one target product, which has no other source product."""
        if vintage not in self._one_to_one:
            oldest, newest = sorted((vintage, self.target))
            found = self.families(oldest, newest).one_to_one(vintage, self.target)
            self._one_to_one[vintage] = found
        return self._one_to_one[vintage]


@lru_cache(maxsize=2)
def _of_this_process(
    options: Harmonise, root: Path, units: tuple[tuple[int, int], ...], recorded: bytes
) -> Harmoniser:
    """The harmoniser of another process, made once from the same tables.

    Raises
    ------
    DataCheckError
        If they are not the same.
    """
    found = Harmoniser(options, root)
    found.units = dict(units)
    if canonical_json(found.recorded()) != recorded:
        raise DataCheckError(
            f"{root}: the tables of [harmonise] changed while they were used",
            "leave them as they are, and run again",
        )
    return found
