"""Stage `export`: the results as a data release, a folder that explains itself and can be cited."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Final

import polars as pl

from minsum.export.changes import PROVENANCE, Earlier
from minsum.export.codebook import as_html, as_markdown, codebook
from minsum.export.datapackage import citation, data_package
from minsum.export.folder import release_folder
from minsum.export.options import ExportOptions
from minsum.export.tables import YEARLY, Released, released_tables
from minsum.export.writers import Written, write_table
from minsum.workspace.footers import estimate_files, flows_footers
from minsum.workspace.layout import Layout
from minsum.workspace.marks import digests_of

_README: Final = """\
# {title}

A data release made by minsum: similarity of the exports of countries, and what belongs to it, computed from UN Comtrade's
files. It holds no rows of UN Comtrade's, whose data may not be redistributed.

- `codebook.html`, `codebook.md`: every table and column, units, settings, coverage
- `data/`: the tables, listed below
- `datapackage.json`: the same for programs (Frictionless Data Package)
- `provenance.json`: versions, settings, and the digest of every file that the figures were made from
- `CITATION.cff`: how to cite it
- `SHA256SUMS`: check the files with `sha256sum --check SHA256SUMS`
{changes}
| table | what it is | rows |
|---|---|---|
{tables}

Read it:

    Stata    use data/esi.dta, clear
    R        arrow::read_parquet("data/esi.parquet"), haven::read_dta("data/esi.dta")
    Python   polars.read_parquet("data/esi.parquet"), pandas.read_stata("data/esi.dta")
"""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What the stage did.

    Attributes
    ----------
    folder
        Where the release is.
    tables
        Name to rows.
    bytes
        Of each format.
    """

    folder: str
    tables: dict[str, int] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)


def export(
    layout: Layout,
    folder: Path,
    options: ExportOptions,
    *,
    of_models: Iterable[Released],
    since: Path | None,
    progress: Progress,
) -> ExportReport:
    """Write a release and put it into place at once; the same tables and options give the same bytes.

    Parameters
    ----------
    layout
        Workspace whose tables are up to date.
    folder
        Of the release; an earlier release in it is replaced.
    options
        See `ExportOptions`.
    of_models
        Tables of the rows that models were estimated on.
    since
        Folder of an earlier release to compare with; None for none. It may be `folder`.
    progress
        Called with stage, done and total.

    Raises
    ------
    UsageError
        If the folder holds something else than a release, or `since` is none.
    DataCheckError
        If a table is damaged.
    """
    earlier = None if since is None else Earlier(since)
    written: list[Written] = []
    with release_folder(folder) as root:
        for table in chain(released_tables(layout), of_models):
            written.append(write_table(table, root, options.formats))
            if earlier is not None:
                earlier.compare(table)
            progress("tables", len(written), len(written))
        provenance = _provenance(layout, options)
        for name, text in _texts(layout, written, options, provenance, earlier):
            (root / name).write_text(text, encoding="utf-8")
    sizes: dict[str, int] = dict.fromkeys(options.formats, 0)
    for file in (file for one in written for file in one.files):
        sizes[file.format] += file.size
    return ExportReport(str(folder), {one.table.name: one.rows for one in written}, sizes)


def _texts(
    layout: Layout,
    written: list[Written],
    options: ExportOptions,
    provenance: Mapping[str, Any],
    earlier: Earlier | None,
) -> Iterator[tuple[str, str]]:
    """Every file beside the tables."""
    coverage = pl.read_parquet(layout.coverage, glob=False) if layout.coverage.is_file() else None
    parts = codebook(written, options, coverage)
    yield "codebook.md", as_markdown(parts)
    yield "codebook.html", as_html(parts)
    yield "datapackage.json", data_package(written, options)
    yield "CITATION.cff", citation(options)
    yield PROVENANCE, json.dumps(provenance, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    if earlier is not None:
        yield "CHANGES.md", earlier.text(provenance)
    tables = "\n".join(f"| {one.table.name} | {one.table.title} | {one.rows:,} |" for one in written)
    changes = "- `CHANGES.md`: what changed against an earlier release\n" if earlier else ""
    yield "README.md", _README.format(title=options.cited.title, tables=tables, changes=changes)


def _provenance(layout: Layout, options: ExportOptions) -> dict[str, Any]:
    """Versions, settings, and digests of what the release is made from."""
    sources: dict[str, dict[str, Any]] = {}
    for footer in flows_footers(layout).values():
        for one in footer["sources"]:
            told = {"sha256": one["sha256"], "published": one["published"], "format": one["format"]}
            is_other = one["name"] in sources and sources[one["name"]] != told
            sources[f"{one['name']} {one['sha256'][:8]}" if is_other else one["name"]] = told
    singles = [path for path in (layout.coverage, *layout.panel_files()) if path.is_file()]
    files = [*chain.from_iterable(layout.yearly(name) for name in YEARLY), *singles, *estimate_files(layout)]
    return {
        "versions": dict(options.versions),
        "settings": options.settings,
        "sources": sources,
        "covariates": dict(options.covariates),
        "made_from": {
            path.relative_to(layout.root).as_posix(): mark for path, mark in digests_of(files).items()
        },
    }
