"""Reads all covariate files of a folder into one table, and reports which data were used and which were not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from minsum.errors import DataCheckError
from minsum.panel.covariates.files import is_table, open_grids, unreadable
from minsum.panel.covariates.grid import Grid
from minsum.panel.covariates.pairs import PairTable, find_pairs, read_pairs, together
from minsum.panel.covariates.registry import is_companion, recognise_grid
from minsum.panel.covariates.values import KEYS, TableRead, read_table
from minsum.panel.covariates.variables import make_variables
from minsum.settings.panel import Variable
from minsum.sources.files import Source


@dataclass(frozen=True, slots=True)
class Covariates:
    """Variables of every country and year, and their origin.

    Attributes
    ----------
    frame
        Columns iso3 (Comtrade's label), year (int16) and one float64 for each variable, sorted.
    pairs
        Columns reporter, reference, year (int16, null for every year) and one float64 for each variable of pairs, sorted.
    report
        JSON-like: `files` (indicators used, and places that matched no country), `variables` (recipe, and values
        without a logarithm), `absent` (variables that no file gives), `passed_over` (files without tables),
        `unreadable` (data files that cannot be read, and their kind), `pair_variables` (files of each variable of
        pairs).
    """

    frame: pl.DataFrame
    pairs: pl.DataFrame
    report: dict[str, Any]


def read_covariates(sources: Sequence[Source], variables: Mapping[str, Variable]) -> Covariates:
    """Read every covariate file and make the variables.

    Parameters
    ----------
    sources
        Files of the folder, in a fixed order.
    variables
        Variable name to its recipe.

    Raises
    ------
    DataCheckError
        If a file has an unknown format or is damaged, a value is not a number, two files disagree, or a unit is wrong.
    """
    wanted = frozenset(name for variable in variables.values() for name in variable.indicators)
    tables: list[TableRead] = []
    of_pairs: list[PairTable] = []
    passed_over: list[str] = []
    unread: dict[str, str] = {}
    for source in sources:
        kind = unreadable(source.name)
        if kind is not None:
            unread[source.name] = kind
        elif is_table(source.name):
            read, rest = _read_file(source, wanted, frozenset(variables))
            tables += [one for one in read if isinstance(one, TableRead)]
            of_pairs += [one for one in read if isinstance(one, PairTable)]
            passed_over += rest
        else:
            passed_over.append(source.name)
    made = make_variables(_agreed(tables), variables, tables=tables)
    pairs = together(of_pairs)
    report = {
        "files": [*(_record(table) for table in tables), *pairs.files],
        "variables": made.records,
        "absent": made.absent,
        "passed_over": passed_over,
        "unreadable": unread,
        "pair_variables": pairs.variables,
    }
    return Covariates(made.frame, pairs.frame, report)


def _read_file(
    source: Source, wanted: frozenset[str], variables: frozenset[str]
) -> tuple[list[TableRead | PairTable], list[str]]:
    """Tables of one file, and names of the skipped tables: metadata, and some sheets of a workbook.

    Every sheet that is a plain table of countries and years is read. Of a publisher's workbook only the first sheet is
    read, because the others repeat it in another shape. A table of unknown format is skipped if another table of the
    file has a known format.
    """
    read: list[TableRead | PairTable] = []
    rest: list[str] = []
    strange: list[DataCheckError] = []
    published: set[str] = set()
    grids = open_grids(source)
    if not grids:
        return [], [source.name]
    for grid in grids:
        if grid.workbook in published or is_companion(grid) or _is_empty(grid):
            rest.append(grid.name)
            continue
        pairs_header = find_pairs(grid)
        if pairs_header is not None:
            read.append(read_pairs(grid, pairs_header))
            continue
        try:
            found = recognise_grid(grid)
        except DataCheckError as error:
            strange.append(error)
            rest.append(grid.name)
            continue
        if found is not None:
            known, header = found
            read.append(read_table(grid, known, header=header, wanted=wanted, variables=variables))
            published.update([grid.workbook] if grid.workbook and not known.keeps_all else [])
    if strange and not read:
        raise strange[0]
    return read, rest


def _is_empty(grid: Grid) -> bool:
    return not any(cell for row in grid.head for cell in row)


def _agreed(tables: Sequence[TableRead]) -> pl.DataFrame:
    """Values of all tables, one row for each country, year and indicator: columns iso3, year, indicator, value.

    Several files may each give a part of an indicator; values that two files share must be equal.
    """
    parts = [table.values.with_columns(file=pl.lit(table.name)) for table in tables]
    schema = {"iso3": pl.String, "year": pl.Int16, "indicator": pl.String, "value": pl.Float64}
    if not parts:
        return pl.DataFrame(schema=schema)
    values = pl.concat(parts).unique([*KEYS, "value"], keep="first", maintain_order=True)
    conflicts = values.filter(pl.struct(KEYS).is_duplicated()).sort(KEYS, maintain_order=True)
    if len(conflicts):
        first, second = conflicts.row(0, named=True), conflicts.row(1, named=True)
        raise DataCheckError(
            f"{first['file']} and {second['file']} both give {first['indicator']!r} and disagree: "
            f"{first['iso3']} {first['year']} is {first['value']} and {second['value']}",
            "keep one of the files",
        )
    return values.select(list(schema))


def _record(table: TableRead) -> dict[str, Any]:
    """A table's entry in the report."""
    return {
        "name": table.name,
        "format": table.format,
        "indicators": list(table.used),
        "unused": len(table.unused),
        "values": len(table.values),
        "countries": table.values["iso3"].n_unique(),
        "unmatched": dict(table.unmatched),
        "notes": list(table.notes),
    }
