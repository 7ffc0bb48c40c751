"""What is not up to date with inputs and settings, why, and the command that updates it.

Each stage has a plan: what it would make anew or remove, and why (`marks.Plan`). Here the plans are chained: the plan of a
stage assumes that the stages before it have run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from minsum.errors import DataCheckError, MinsumError
from minsum.flows.choice import Choice, choose
from minsum.flows.lake import partition_id
from minsum.flows.lake_index import LakeIndex
from minsum.machine import versions
from minsum.report.options import PageOptions
from minsum.schema import YEARLY
from minsum.sources.archives import unfold
from minsum.sources.files import discover, hashed_sources, printable
from minsum.workspace.footers import Footer, estimate_files, footer_digest, is_estimates, read_footer
from minsum.workspace.layout import Layout, partition_key
from minsum.workspace.marks import UNWANTED, Plan, digests_of

if TYPE_CHECKING:
    from minsum.estimate.stage import Asked
    from minsum.settings.load import Settings

Stale = list[dict[str, Any]]


class Raw(NamedTuple):
    """What ingest of `raw/` would do with files whose digest is known, and the names of files with unknown content."""

    choice: Choice
    unread: list[str]


def look_into_raw(layout: Layout, known: LakeIndex) -> Raw:
    """What ingest of `raw/` would do."""
    files = discover([layout.raw]) if layout.raw.is_dir() else []
    sources, unread = hashed_sources(files, layout)
    choice = choose(unfold(sources, whole=known.digests()), known, layout)
    return Raw(choice, [printable(path.name) for path in unread])


def find_stale(layout: Layout, known: LakeIndex, raw: Raw, settings: Settings | None = None) -> Stale:
    """Entries for everything not up to date: `what`, `which`, `why`, and `do`, the command that updates it.

    Parameters
    ----------
    layout, known
        The workspace, and its lake.
    raw
        Of `look_into_raw`.
    settings
        Needed for the stages after the lake; None leaves them out.
    """
    found = flows_entries(layout, known, raw)
    if settings is not None:
        found += _Chain(layout, known.expected(raw.choice.at_hand), settings).entries()
    return [one for one in found if one["which"]]


def flows_entries(layout: Layout, known: LakeIndex, raw: Raw) -> Stale:
    """Entries for sources that ingest of `raw/` would read, and for flows it would make anew or remove."""
    waiting = sorted([*(one.name for one in raw.choice.todo), *raw.unread])
    reasons: dict[tuple[str, str], list[str]] = {}
    for path, one in known.outdated(raw.choice.at_hand).items():
        why = "made under other settings" if one.is_wanted else "no longer asked for: will be removed"
        if one.away:
            why += f", but {one.away[0]} is not in raw/: stays as it is"
        do = "delete it, or put its sources into raw/" if one.away else "minsum ingest"
        reasons.setdefault((why, do), []).append(str(path.parent.relative_to(layout.flows)))
    return [
        _entry("raw", waiting, "not in the lake yet", "minsum ingest"),
        *(_entry("flows", which, why, do) for (why, do), which in reasons.items()),
    ]


def away_from_raw(known: LakeIndex, raw: Raw) -> dict[str, list[str]]:
    """Sources of the lake that are not in `raw/`, to their reporter-years.

    A file of `raw/` with unknown content may be the source of the same name, so that source is not listed.
    """
    away, unread = dict[str, list[str]](), set(raw.unread)
    for path, footer in known.footers.items():
        gone = {one["name"] for one in footer["sources"] if one["sha256"] not in raw.choice.at_hand}
        for name in gone:
            if name.rpartition(" in ")[2] not in unread:
                away.setdefault(name, []).append(partition_id(partition_key(path)))
    return dict(sorted(away.items()))


def _entry(what: str, which: list[str], why: str, do: str) -> dict[str, Any]:
    return {"what": what, "which": which, "why": why, "do": do}


class _Chain:
    """Chains the plans of the stages after the lake."""

    def __init__(self, layout: Layout, footers: Mapping[Path, Footer], settings: Settings) -> None:
        self._layout, self._footers, self._settings = layout, footers, settings
        self._found: Stale = []

    def entries(self) -> Stale:
        """Entries for everything not up to date, stage by stage."""
        from minsum.esi.stage import esi_plan

        with self._told("esi", "esi", "minsum esi"):
            coverage, esi = esi_plan(self._layout, self._settings, self._footers)
            self._note("coverage", coverage, "minsum esi")
            if esi.wanted:
                self._chain(coverage, esi)
            else:
                self._standing()
        return self._found

    def _standing(self) -> None:
        """Add entries for outputs whose flows do not exist: a run would end before it changes them."""
        layout = self._layout
        standing = {table: [_year(path) for path in layout.yearly(table)] for table in YEARLY} | {
            "panel": [one.name for one in layout.panel_files()],
            "estimates": [one.name for one in estimate_files(layout)],
            "report": [layout.page.name] if layout.page.is_file() else [],
        }
        why = "no flows of the chosen years and reporters: stays as it is"
        self._found += [
            _entry(what, which, why, "bring files in: minsum ingest PATH") for what, which in standing.items()
        ]

    def _chain(self, coverage: Plan, esi: Plan) -> None:
        """Add the entries of esi and of the stages after it."""
        from minsum.estimate.stage import Inputs as EstimateInputs

        layout = self._layout
        for table in YEARLY:
            self._note(table, _below(esi, layout.table(table)), "minsum esi", name=_year)
        similarities = esi.digests(layout.esi)
        panel, classification = self._panel(esi)
        asked = self._asked() if self._settings.panel is not None else {}
        if panel is not None:
            estimates = self._estimates(asked, EstimateInputs(panel, classification, similarities))
            marks = estimates.digests()
        else:  # no panel is asked for, or it cannot be made
            there = list(filter(is_estimates, estimate_files(layout)))
            estimates = Plan(remove={path: UNWANTED for path in there if path.stem not in asked})
            marks = digests_of(path for path in there if path.stem in asked)
            if self._settings.panel is not None:
                panel = self._panel_there()
        self._note("estimates", estimates, "minsum estimate")
        by_name = {path.stem: mark for path, mark in marks.items()}
        self._report(esi, coverage, panel, marks=by_name, asked=asked)

    def _panel_there(self) -> str | None:
        """Digest of the published panel; None if it is missing or damaged."""
        with suppress(DataCheckError):  # damaged: the stage that uses it says so
            return footer_digest(self._layout.panel)
        return None

    def _panel(self, tables: Plan) -> tuple[str | None, str]:
        """Digest and classification of the panel that the settings ask for; None without one, or if it cannot be made."""
        from minsum.panel.stage import classification_of, covariate_sources, panel_plan, reach_of

        layout, section = self._layout, self._settings.panel
        if section is None:
            self._note("panel", Plan(remove=dict.fromkeys(layout.panel_files(), UNWANTED)), "minsum run")
            return None, ""

        esi = tables.digests(layout.esi)
        with self._told("panel", layout.panel.name, "minsum panel"):
            options = section.with_reference(self._settings.esi.references)
            classification = classification_of(options, esi, layout)
            sources = covariate_sources(layout, options)
            reach = reach_of(tables.wanted[next(iter(esi))].options)
            plan = panel_plan(layout, options, self._footers, esi, sources, reach)
            self._note("panel", plan, "minsum panel")
            return plan.wanted[layout.panel].digest, classification
        return None, ""

    def _asked(self) -> dict[str, Asked]:
        """Specifications that the settings or `minsum estimate SPEC` ask for, by name."""
        from minsum.estimate.stage import Asked, kept_specs
        from minsum.settings.load import load_spec
        from minsum.settings.specs import MAIN

        found: dict[str, Asked] = {}
        if self._settings.estimate is not None:
            found[MAIN] = Asked(self._settings.estimate)
        for spec in self._settings.specs:
            with self._told("estimates", Path(spec).stem, f"minsum estimate {spec}"):
                name, loaded = load_spec(self._layout.root / spec)
                found[name] = Asked(loaded)
        names = {*found, *(Path(spec).stem for spec in self._settings.specs)}
        return found | kept_specs(self._layout, names)

    def _estimates(self, asked: Mapping[str, Asked], inputs: Any) -> Plan:
        from dataclasses import replace

        from minsum.estimate.stage import estimates_plan

        own = f"classification={inputs.classification}"
        esi = {path: mark for path, mark in inputs.esi.items() if path.parent.name == own}
        return estimates_plan(self._layout, asked, replace(inputs, esi=esi))

    def _report(
        self,
        esi: Plan,
        coverage: Plan,
        panel: str | None,
        *,
        marks: Mapping[str, str],
        asked: Mapping[str, Asked],
    ) -> None:
        from minsum.report.inputs import Inputs
        from minsum.report.stage import report_plan

        layout = self._layout
        names = sorted(marks, key=lambda name: (name != "main", name))
        is_tested = {
            name: any(model.diagnostics for model in one.spec.resolved()) for name, one in asked.items()
        }
        inputs = Inputs(
            esi=esi.digests(layout.esi),
            markets=esi.digests(layout.table("market_esi")),
            sections=esi.digests(layout.table("section_esi")),
            coverage=coverage.digests().get(layout.coverage),
            panel=panel,
            estimates={name: (marks[name], is_tested[name]) for name in names},
        )
        options = PageOptions(self._settings, versions(), names)
        self._note("report", report_plan(layout, options, inputs), "minsum report")

    def _note(self, what: str, plan: Plan, do: str, *, name: Any = None) -> None:
        """Add an entry for each reason in a plan."""
        name = name or (lambda path: path.name)
        for paths, end in ((plan.redo, ""), (plan.remove, ": will be removed")):
            for why in dict.fromkeys(paths.values()):
                which = [name(path) for path, reason in paths.items() if reason == why]
                self._found.append(_entry(what, which, why + end, do if not end else "minsum run"))

    @contextmanager
    def _told(self, what: str, which: str, do: str) -> Iterator[None]:
        """If a stage cannot make its plan, add an entry with the error."""
        try:
            yield
        except MinsumError as error:
            self._found.append(_entry(what, [which], f"cannot be made: {error}", error.hint or do))


def _below(plan: Plan, folder: Path) -> Plan:
    """The part of a plan that concerns one table."""

    def part(paths: Mapping[Path, str]) -> dict[Path, str]:
        return {path: why for path, why in paths.items() if folder in path.parents}

    return Plan({}, part(plan.redo), part(plan.remove))


def _year(path: Path) -> str:
    """Classification and year of a yearly file, as `H2/2014`."""
    return f"{path.parent.name.partition('=')[2]}/{path.stem}"


def by_key(footers: Mapping[Path, Footer]) -> dict[tuple[str, int, int], Footer]:
    """Footers of flows files by classification, year and reporter code."""
    return {partition_key(path): footer for path, footer in footers.items()}


def esi_years(layout: Layout) -> dict[str, str]:
    """Classification and year of flows, such as `H5/2014`, to those of the esi file made from them, such as `H2/2014`."""
    found: dict[str, str] = {}
    for path in layout.yearly("esi"):
        name = _year(path)
        with suppress(DataCheckError):  # damaged: the plan of the stage says so
            filings = read_footer(path).get("filings", {})
            found |= {f"{one['vintage']}/{path.stem}": name for one in filings.values()}
        found[name] = name
    return found
