"""`minsum status`: what a workspace holds, read from the footers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from minsum.countries.codes import GROUPS, is_group
from minsum.errors import DataCheckError
from minsum.flows.lake_index import read_index
from minsum.flows.rules import RULES
from minsum.harmonise.islands import islands
from minsum.inspect.stale import away_from_raw, by_key, esi_years, find_stale, look_into_raw
from minsum.inspect.strays import find_strays
from minsum.settings.check import Check
from minsum.settings.flows import Ingest
from minsum.sources.formats import formats
from minsum.sources.opening import oddities_text
from minsum.sources.rejections import read_rejections
from minsum.text_tables import listed
from minsum.workspace.copies import shown
from minsum.workspace.footers import Footer, estimate_files, flows_footers, read_footer
from minsum.workspace.layout import Layout

if TYPE_CHECKING:
    from minsum.settings.load import Settings

Record = dict[str, Any]
_REJECTED: Final = ("name", "kind", "reason", "hint", "runs")


def read_status(layout: Layout, options: Ingest, settings: Settings | None = None) -> Record:
    """State of the workspace.

    Parameters
    ----------
    layout
        The workspace.
    options
        Section `[ingest]`.
    settings
        Needed for `stale` after the lake; None leaves these entries out.

    Returns
    -------
    A dict for JSON:

    - `years`: reporters, rows and repairs by classification-year, and whether similarities exist (`yes`, `no`, `stale`, or
      the vintage they were converted to);
    - `islands`: years in which no vintage has every country, and the vintage that would harmonise them;
    - `sources`: reporter-years and removed rows by source; `superseded`: sources that a later publication replaced, and
      by which; `copies`: files of `raw/` with the same content as another; `away`: sources that are not in `raw/`, with
      their reporter-years; `rejected`: name, reason, hint, and the number of runs that rejected the source;
    - `rules`, `levels` (rows removed by the rule `level`, by digits of their codes), `repairs` and `mended` (repaired
      texts): sums over all sources;
    - `stale`: what is not up to date (`stale.find_stale`); `strays`: files that minsum did not write;
    - `panel` (None without one): size, missing values, and the origin of each variable; `estimates`: by specification
      and model, the method and the rows left out;
    - `findings`: figures that disagree (`check.check_figures`), by the limits of the settings; `totals`.

    Raises
    ------
    DataCheckError
        If a flows file cannot be read.
    """
    known = read_index(layout, options)
    footers = by_key(known.footers)
    rejected = [{key: one[key] for key in _REJECTED} for one in read_rejections(layout).values()]
    sources = _sources(footers.values())
    raw = look_into_raw(layout, known)
    stale = find_stale(layout, known, raw, settings)
    return {
        "workspace": shown(str(layout.root.resolve())),
        "years": _years(layout, footers, stale),
        "islands": islands(() if settings and settings.harmonise else footers, groups=GROUPS).as_json(),
        "sources": sources,
        "rules": _added((one["rules"] for one in sources), order=RULES),
        "levels": _added(one["levels"] for one in sources),
        "repairs": _added(footer["repairs"] for footer in footers.values()),
        "mended": _added(one["mended"] for one in sources),
        "rejected": rejected,
        "superseded": _superseded(known.footers.values()),
        "copies": raw.choice.copies,
        "away": [{"name": name, "reporter_years": n} for name, n in away_from_raw(known, raw).items()],
        "stale": stale,
        "strays": _strays(layout, {name for one in stale for name in one["which"]}),
        "findings": _findings(known.footers, settings),
        "panel": _panel(layout),
        "estimates": _estimates(layout),
        "totals": _totals(len(footers), sources, len(rejected)),
    }


def _superseded(footers: Iterable[Footer]) -> list[Record]:
    """Sources that are no longer in use, each with its replacement and the number of its reporter-years."""
    used = {one["sha256"] for footer in footers for one in footer["sources"]}
    found: dict[str, Record] = {}
    for footer in footers:
        for one in footer["superseded"]:
            if one["sha256"] not in used:
                by = {"name": one["name"], "by": footer["sources"][0]["name"], "reporter_years": 0}
                found.setdefault(one["sha256"], by)["reporter_years"] += 1
    return sorted(found.values(), key=lambda one: str(one["name"]))


def _strays(layout: Layout, stale: set[str]) -> list[str]:
    """Footers of the lake, without damaged files that a run makes anew."""
    found = [
        path for path in find_strays(layout) if path.parent != layout.estimates or path.name not in stale
    ]
    return [str(path.relative_to(layout.root)) for path in found]


def read_totals(layout: Layout) -> dict[str, int]:
    """The totals of `read_status` alone."""
    footers = flows_footers(layout)
    return _totals(len(footers), _sources(footers.values()), len(read_rejections(layout)))


def _totals(n_partitions: int, sources: list[Record], n_rejected: int) -> dict[str, int]:
    return {
        "reporter-years": n_partitions,
        "sources": len(sources),
        "rejected sources": n_rejected,
        "rows read": sum(one["rows_in"] for one in sources),
        "rows kept": sum(one["rows_kept"] for one in sources),
    }


def status_tables(status: Record) -> Iterator[tuple[str, list[str], list[list[Any]]]]:
    """Title, headings and rows of what `read_status` found, for people."""
    if status["years"]:
        rows = [list(row.values()) for row in status["years"]]
        yield "Classification-years", list(status["years"][0]), rows
    yield from _audit(status)
    if status["findings"]:
        rows = [[one["check"], one["place"], one["found"]] for one in status["findings"]]
        yield "Figures that disagree", ["check", "where", "found"], rows
    rows = [[one["name"], oddities_text(one["oddities"])] for one in status["sources"] if "oddities" in one]
    if rows:
        yield "Sources with oddities", ["source", "understood as meant"], rows
    if status["rejected"]:
        rows = [[one["name"], one["reason"], one["hint"], one["runs"]] for one in status["rejected"]]
        yield "Rejected sources", ["source", "reason", "what to do", "for runs"], rows
    if status["superseded"]:
        rows = [[one["name"], one["by"], one["reporter_years"]] for one in status["superseded"]]
        yield "Sources that others replaced", ["source", "by", "reporter-years"], rows
    if status["copies"]:
        yield "Sources that are copies", ["source", "of"], [list(one) for one in status["copies"].items()]
    if status["away"]:
        rows = [[one["name"], listed(one["reporter_years"])] for one in status["away"]]
        n_years = len({year for one in status["away"] for year in one["reporter_years"]})
        yield (
            f"Sources that are not in raw/: {n_years:,} reporter-years rest on them",
            ["source", "reporter-years"],
            rows,
        )
    if status["stale"]:
        rows = [[one["what"], listed(one["which"]), one["why"], one["do"]] for one in status["stale"]]
        yield "Not up to date", ["what", "which", "why", "what to do"], rows


def _audit(status: Record) -> Iterator[tuple[str, list[str], list[list[Any]]]]:
    """Rows by rule and repair: over all sources, and for the sources that lost most."""
    levels = {
        f"level: {digits} digits" if digits != "0" else "level: TOTAL": hit
        for digits, hit in status["levels"].items()
    }
    counts = [
        ("rule", status["rules"]), ("of it", levels), ("repair", status["repairs"]), ("text", status["mended"]),
    ]  # fmt: skip
    rows = [
        [kind, name, hit["rows"], hit["usd"] / 1e9] for kind, hits in counts for name, hit in hits.items()
    ]
    if rows:
        yield "Rows by rule and repair", ["", "name", "rows", "bn USD"], rows
    rules = [name for name in status["rules"] if name != "kept"]
    rows = [
        [one["name"], one["format"], one["rows_in"], one["rows_kept"]]
        + [one["rules"].get(name, {"rows": 0})["rows"] for name in rules]
        for one in sorted(status["sources"], key=lambda one: one["rows_kept"] / max(one["rows_in"], 1))
    ]
    if rows:
        yield "Sources, by the share of rows kept", ["source", "format", "read", "kept", *rules], rows


def _findings(footers: Mapping[Path, Footer], settings: Settings | None) -> list[Record]:
    from minsum.inspect.check import check_figures  # loads DuckDB

    limits = settings.check if settings else Check()
    return [asdict(one) for one in check_figures(footers, [], limits)] if footers else []


def _panel(layout: Layout) -> Record | None:
    try:
        footer = read_footer(layout.panel)
    except DataCheckError:  # missing or damaged: `stale` says so
        return None
    names = ("classification", "rows", "countries", "missing", "covariates", "remarks")
    return {name: footer.get(name) for name in names}


def _estimates(layout: Layout) -> Record:
    found = {}
    for path in estimate_files(layout):
        with suppress(DataCheckError):  # damaged: `stale` says so
            found[path.stem] = read_footer(path).get("models", {})
    return found


def _years(
    layout: Layout, footers: dict[tuple[str, int, int], Footer], stale: Iterable[Record]
) -> list[Record]:
    old = {name for one in stale if one["what"] == "esi" for name in one["which"]}
    groups: dict[tuple[str, int], list[tuple[int, Footer]]] = defaultdict(list)
    for (classification, year, code), footer in footers.items():
        groups[classification, year].append((code, footer))
    there = esi_years(layout)
    return [
        {
            "classification": classification,
            "year": year,
            "reporters": sum(not is_group(code) and _has_reported(one) for code, one in members),
            "exports_bn_usd": sum(one["checks"].get("X", {}).get("world_usd", 0.0) for _, one in members)
            / 1e9,
            "repaired_rows": sum(repair["rows"] for _, one in members for repair in one["repairs"].values()),
            "esi": _state(f"{classification}/{year}", there, old),
        }
        for (classification, year), members in sorted(groups.items())
    ]


def _has_reported(footer: Footer) -> bool:
    """Whether a country reported itself. Where imports are mirrored, a country that only partners reported has imports."""
    mirrored = {one.name for one in formats() if one.mirrors_imports}
    return bool(footer["checks"].get("X")) or any(one["format"] not in mirrored for one in footer["sources"])


def _state(name: str, there: dict[str, str], stale: set[str]) -> str:
    """Whether similarities of these flows exist: `yes`, `no`, `stale`, or the vintage they were converted to."""
    table = there.get(name)
    if table is None:
        return "no"
    return "stale" if table in stale else "yes" if table == name else f"in {table.partition('/')[0]}"


def _sources(footers: Iterable[Footer]) -> list[Record]:
    """One entry per source, with its audit summed over its reporter-years."""
    found: dict[str, Record] = {}
    for footer in footers:
        for record in footer["sources"]:
            one = found.setdefault(
                record["sha256"],
                {key: record[key] for key in ("name", "format", "published", "sha256")}
                | {key: record[key] for key in record if key == "oddities" or key.startswith("bad_")}
                | {
                    "partitions": 0,
                    "rows_in": 0,
                    "rows_kept": 0,
                    "mended": record.get("mended", {}),
                    "rules": [],
                    "levels": [],
                },
            )
            one["partitions"] += 1
            one["rows_in"] += record["rows_in"]
            one["rows_kept"] += record["rows_kept"]
            one["rules"].append(record["rules"])
            one["levels"].append(record.get("levels", {}))
    for one in found.values():
        one["rules"] = _added(one["rules"], order=RULES)
        one["levels"] = _added(one["levels"])
    return sorted(found.values(), key=lambda one: str(one["name"]))


def _added(counts: Iterable[Record], *, order: Iterable[str] = ()) -> Record:
    """Sums of rows and USD by name, in the given order or sorted by name."""
    total: Record = defaultdict(lambda: {"rows": 0, "usd": 0.0})
    for one in counts:
        for name, hit in one.items():
            total[name]["rows"] += hit["rows"]
            total[name]["usd"] += hit["usd"]
    return {name: total[name] for name in (order or sorted(total)) if name in total}
