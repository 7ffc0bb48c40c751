"""What the workspace holds that its inputs have overtaken, and what a run would do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from minsum.countries import is_group
from minsum.coverage import coverage_mark, facts_of
from minsum.errors import DataCheckError, SourceError
from minsum.flows.archives import unfold
from minsum.flows.known import Known
from minsum.flows.options import IngestOptions
from minsum.formats import read_header, recognise
from minsum.harmonise.filings import Reach, choose
from minsum.schema import YEARLY
from minsum.sources import Source, discover, known_sources, open_text
from minsum.workspace import (
    Footer,
    Layout,
    digest,
    footer_digest,
    inputs_of,
    partition_key,
    read_footer,
)

Stale = list[dict[str, Any]]


def find_stale(layout: Layout, footers: Mapping[Path, Footer], options: IngestOptions) -> Stale:
    """What is not up to date: `what`, `which`, `why`, and the command that mends it as `do`."""
    waiting = _waiting(layout, footers, options)
    found = [
        ("raw", waiting, "not in the lake yet", "minsum ingest"),
        ("flows", _other_recipe(layout, footers, options), "made under other settings", "minsum ingest"),
    ]
    if footers and footer_digest(layout.coverage) != coverage_mark(by_key(footers), facts_of(layout)):
        found.append(("coverage", [layout.coverage.name], "older than flows", "minsum esi"))
    yearly = {table: files for table in YEARLY if (files := layout.yearly(table))}
    inputs = _Inputs(footers)
    found += [
        (
            table,
            [_year(path) for path in files if not inputs.are_those_of(path)],
            "older than flows",
            "minsum esi",
        )
        for table, files in yearly.items()
    ]
    estimates = sorted(layout.estimates.glob("*.parquet"))
    tables = sorted(layout.tables.glob("*.csv"))
    for what, files, sources, command in (
        ("panel", [layout.panel], [*footers, *chain(*yearly.values())], "minsum panel"),
        ("estimates", estimates, [layout.panel], "minsum estimate"),
        ("report", tables, [layout.panel, *estimates], "minsum report"),
        (
            "report",
            [layout.page],
            [layout.coverage, *yearly.get("esi", ()), layout.panel, *estimates],
            "minsum report",
        ),
    ):
        found.append((what, _older(files, sources), "older than what it is made from", command))
    return [
        {"what": what, "which": which, "why": why, "do": command}
        for what, which, why, command in found
        if which
    ]


def by_key(footers: Mapping[Path, Footer]) -> dict[tuple[str, int, int], Footer]:
    """Footers of flows files by classification, year and reporter code."""
    return {partition_key(path): footer for path, footer in footers.items()}


def _waiting(layout: Layout, footers: Mapping[Path, Footer], options: IngestOptions) -> list[str]:
    """Files in `raw/` that neither the lake nor the list of rejected sources knows."""
    if not layout.raw.is_dir():
        return []
    sources, unread = known_sources(discover([layout.raw]), layout)
    known = Known(dict(footers)).complete(options.recipe())
    known |= {path.stem for path in layout.rejected.glob("*.json")}
    wanted = options.reporter_codes()
    names = [
        source.name
        for source in unfold(sources, whole=known)
        if source.sha256 not in known and not _is_passed_over(source, wanted)
    ]
    return sorted([*names, *(path.name for path in unread)])


def _is_passed_over(source: Source, wanted: frozenset[int]) -> bool:
    """Whether a file only accompanies data, or is another reporter's by its name."""
    try:
        with open_text(source) as file:
            form = recognise(read_header(file, source.name), source.name)
    except SourceError:
        return False
    if form is None:
        return True
    code = form.claims(source.name).reporter_code
    return bool(wanted) and code is not None and code not in wanted


def _other_recipe(layout: Layout, footers: Mapping[Path, Footer], options: IngestOptions) -> list[str]:
    recipe = options.recipe()
    return [
        str(path.parent.relative_to(layout.flows))
        for path, footer in footers.items()
        if footer["recipe"] != recipe
    ]


class _Inputs:
    """What the tables of a classification and year are made of, from the flows as they are."""

    def __init__(self, footers: Mapping[Path, Footer]) -> None:
        self._footers = footers
        self._years: dict[int, list[Path]] = {}
        for path in footers:
            self._years.setdefault(partition_key(path)[1], []).append(path)
        self._known: dict[str, dict[str, str]] = {}

    def are_those_of(self, path: Path) -> bool:
        """Whether a table is made of them."""
        try:
            footer = read_footer(path)
        except DataCheckError:
            return False
        together = footer["options"].get("harmonise")
        reach = Reach(together["target"], together["weights"]) if together else None
        now = digest(
            [footer["recipe"], footer["options"], self._of(footer["classification"], footer["year"], reach)]
        )
        return bool(footer["digest"] == now)

    def _of(self, classification: str, year: int, reach: Reach | None) -> dict[str, str]:
        name = f"{classification}/{year}/{reach}"
        if name not in self._known:
            flows = self._years.get(year, [])
            if reach is not None:
                flows = choose(flows, reach).chosen.get(year, [])
            else:
                keys = {path: partition_key(path) for path in flows}
                flows = [
                    path for path, key in keys.items() if key[0] == classification and not is_group(key[2])
                ]
            self._known[name] = inputs_of(classification, {path: self._footers[path] for path in flows})
        return self._known[name]


def _year(path: Path) -> str:
    """Classification and year of a file with one of each: `H2/2014`."""
    return f"{path.parent.name.partition('=')[2]}/{path.stem}"


def _older(files: Iterable[Path], inputs: Iterable[Path]) -> list[str]:
    times = [path.stat().st_mtime_ns for path in inputs if path.is_file()]
    newest = max(times, default=0)
    return [path.name for path in files if path.is_file() and path.stat().st_mtime_ns < newest]


def esi_years(layout: Layout) -> dict[str, str]:
    """Classification and year of flows, such as `H5/2014`, to those of the esi file they are in: `H2/2014`."""
    found: dict[str, str] = {}
    for path in layout.yearly("esi"):
        name, filings = _year(path), read_footer(path).get("filings", {})
        found |= {f"{one['vintage']}/{path.stem}": name for one in filings.values()} | {name: name}
    return found
