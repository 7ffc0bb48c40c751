"""Builds a synthetic world: makes the plan, writes the files in parallel, then writes the true results."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from minsum.errors import UsageError
from minsum.synth.bulk import Document, Written, file_name, write_file
from minsum.synth.covariate_files import write_covariates
from minsum.synth.nomenclature import nomenclature
from minsum.synth.plan import Plan, make_plan
from minsum.synth.rows import total_rows, with_components
from minsum.synth.spec import WorldSpec
from minsum.synth.trade import (
    domestic_cells,
    export_cells,
    flow_shares,
    from_bloc,
    import_cells,
    reexport_cells,
)
from minsum.synth.truth import Filed, write_truth
from minsum.synth.vintages import as_filed, nomenclature_of, vintage_of

Progress = Callable[[int, int], None]
"""Called from the calling thread with the number of files written and of all files."""


@dataclass(frozen=True, slots=True)
class WorldSummary:
    """Counts and sizes of the written files.

    Attributes
    ----------
    folder
        Where: `raw/`, `covariates/` and `truth/` are in it.
    files, rows, text_bytes, file_bytes
        Bulk files, their rows without headers, their size as text and on disk.
    """

    folder: Path
    files: int
    rows: int
    text_bytes: int
    file_bytes: int


def write_world(spec: WorldSpec, out: Path, *, jobs: int, progress: Progress | None = None) -> WorldSummary:
    """Write a synthetic world: bulk files, covariate files and the truth about both.

    Parameters
    ----------
    spec
        Size, span and seed; equal specs give equal bytes, whatever `jobs` is.
    out
        Folder that gets `raw/`, `covariates/` and `truth/`; files of the same world are replaced.
    jobs
        Files written at a time, in threads; each takes some 300 MB at 1.6 million rows.
    progress
        Called after each file.

    Returns
    -------
    Counts and sizes of the bulk files.

    Raises
    ------
    UsageError
        If `out/raw` holds files of another world or of anything else.
    """
    plan = make_plan(spec)
    raw = out / "raw"
    targets = {
        filing: raw / file_name(spec, *filing, vintage=vintage_of(spec, *filing)) for filing in plan.filings
    }
    _refuse_strangers(raw, {path.name for path in targets.values()})
    raw.mkdir(parents=True, exist_ok=True)
    results: dict[tuple[int, int], tuple[Filed, Written]] = {}
    with ThreadPoolExecutor(jobs) as pool:
        # The largest first, so that none is left running alone at the end.
        order = sorted(plan.filings, key=lambda filing: -spec.rows_of(filing[0]))
        futures = {pool.submit(_write_filing, plan, *filing, targets[filing]): filing for filing in order}
        try:
            for done, future in enumerate(as_completed(futures), start=1):
                results[futures[future]] = future.result()
                if progress is not None:
                    progress(done, len(futures))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    filed, written = zip(*(results[filing] for filing in plan.filings), strict=True)
    write_covariates(plan.drawn, spec.years, out / "covariates")
    write_truth(spec, filed, drawn=plan.drawn, effects=plan.effects, folder=out / "truth")
    return WorldSummary(
        folder=out,
        files=len(written),
        rows=sum(one.rows for one in written),
        text_bytes=sum(one.text_bytes for one in written),
        file_bytes=sum(one.file_bytes for one in written),
    )


def _refuse_strangers(raw: Path, names: set[str]) -> None:
    present = {path.name.removesuffix(".part") for path in raw.iterdir()} if raw.is_dir() else set()
    strangers = sorted(present - names)
    if strangers:
        raise UsageError(
            f"{raw} holds {len(strangers):,} files that are not of this world, the first {strangers[0]}",
            "give another folder, or empty this one first",
        )


def _write_filing(plan: Plan, code: int, year: int, path: Path) -> tuple[Filed, Written]:
    """One file: imports first, because the exports answer to the import share."""
    spec = plan.spec
    wanted = float(plan.drawn.x[spec.codes.index(code), spec.years.index(year), 0])
    imports = import_cells(spec, code, year=year, share_from_bloc=wanted)
    import_share = from_bloc(imports, code)
    world = plan.exports(code, year, import_share=import_share)
    names = nomenclature(spec.products)
    exports = export_cells(spec, code, year=year, world=world)
    reexports = reexport_cells(spec, code, year=year, exports=exports)
    flows = {"M": imports, "X": exports, "RX": reexports}
    if "DX" in flow_shares(code):
        flows["DX"] = domestic_cells(exports, reexports, names)
    vintage = vintage_of(spec, code, year)
    if spec.vintages:
        flows = {flow: as_filed(cells, vintage=vintage, spec=spec) for flow, cells in flows.items()}
        names = nomenclature_of(vintage, spec.products)
    rows = with_components(spec, code, year=year, totals=total_rows(flows, names))
    written = write_file(path, rows, Document(spec, code, year, vintage, names))
    return Filed(code=code, year=year, exports=world, import_share=import_share), written
