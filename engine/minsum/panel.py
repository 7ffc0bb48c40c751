"""Stage `panel`: similarity, import shares and covariates of the sample, one row per country and year."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow as pa

from minsum.countries import labels
from minsum.covariates import read_covariates
from minsum.errors import MissingInputError, SettingsError
from minsum.queries import connect, query
from minsum.schema import check_table
from minsum.workspace import Footer, Layout, digest, footer_digest, partition_key, publish_table, read_footer

RECIPE: Final = "panel-1"


@dataclass(frozen=True, slots=True)
class PanelOptions:
    """What decides the panel (methods.md, section 2).

    Attributes
    ----------
    reference
        ISO3 label or composite whose similarity is the `esi` column.
    classification
        HS vintage; None takes the only one there is.
    reporters, years
        The sample; empty means all.
    bloc
        ISO3 labels whose exports to the reporter are its `import_share`.
    covariates
        Folder of covariate files, relative to the workspace.
    """

    reference: str
    classification: str | None
    reporters: tuple[str, ...]
    years: tuple[int, ...]
    bloc: tuple[str, ...]
    covariates: str


def build_panel(layout: Layout, options: PanelOptions) -> bool:
    """Bring `panel.parquet` up to date; False when it was current.

    Raises
    ------
    MissingInputError
        If there is no similarity or no covariate file, or no row is left.
    SettingsError
        If the classification is ambiguous, or the reference is unknown.
    """
    classification = _classification(layout, options)
    flows = [path for path in layout.partitions() if partition_key(path)[0] == classification]
    esi = sorted((layout.esi / f"classification={classification}").glob("*.parquet"))
    folder = layout.root / options.covariates
    mark = _digest(options, flows, esi, sorted(folder.glob("*.csv")))
    if footer_digest(layout.panel) == mark:
        return False
    table = _join(options, flows, esi, read_covariates(folder))
    if not table.num_rows:
        raise MissingInputError(
            f"no similarity with {options.reference!r} for the chosen reporters and years in {classification}",
            "see [panel] reference, reporters and years, and what is there: minsum status",
        )
    check_table(table, "panel")
    footer: Footer = {
        "stage": "panel",
        "recipe": RECIPE,
        "classification": classification,
        "options": asdict(options),
        "missing": _missing(table),
        "digest": mark,
    }
    publish_table(table, layout.panel, footer=footer, layout=layout)
    return True


def _classification(layout: Layout, options: PanelOptions) -> str:
    found = sorted(folder.name.partition("=")[2] for folder in layout.esi.glob("classification=*"))
    if not found:
        raise MissingInputError(f"{layout.esi}: no similarities yet", "compute them first: minsum esi")
    if options.classification is None:
        if len(found) > 1:
            raise SettingsError(
                f"panel.classification is not set and the workspace holds {', '.join(found)}",
                "choose one of them",
            )
        return found[0]
    if options.classification not in found:
        raise SettingsError(
            f"panel.classification: {options.classification} is not in the workspace",
            f"it holds {', '.join(found)}",
        )
    return options.classification


def _digest(options: PanelOptions, flows: list[Path], esi: list[Path], covariates: list[Path]) -> str:
    return digest(
        [
            RECIPE,
            asdict(options),
            [[*partition_key(path), digest(read_footer(path))] for path in flows],
            [[path.stem, footer_digest(path)] for path in esi],
            [[path.name, sha256(path.read_bytes()).hexdigest()] for path in covariates],
        ]
    )


def _join(options: PanelOptions, flows: list[Path], esi: list[Path], covariates: pl.DataFrame) -> pa.Table:
    known = labels()
    with connect() as con:
        con.register("labels", pa.table({"code": pa.array(known, pa.int32()), "iso3": list(known.values())}))
        con.register("covariates", covariates.to_arrow())
        shares: dict[str, Any] = {"files": [str(path) for path in flows], "bloc": list(options.bloc)}
        con.register("import_share", con.sql(query("panel_import_share"), params=shares).to_arrow_table())
        sample = {
            "esi": [str(path) for path in esi],
            "reference": options.reference,
            "reporters": list(options.reporters),
            "years": list(options.years),
        }
        return con.sql(query("panel_sample"), params=sample).to_arrow_table()


def _missing(table: pa.Table) -> dict[str, dict[str, int]]:
    missing: dict[str, dict[str, int]] = defaultdict(dict)
    with connect() as con:
        con.register("panel", table)
        for variable, reporter, count in con.execute(query("panel_missing")).fetchall():
            missing[variable][reporter] = count
    return dict(missing)
