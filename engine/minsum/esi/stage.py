"""Computes `esi/` year by year, only where the flows or the options changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from minsum.countries import is_group, iso3_of
from minsum.errors import MissingInputError, SettingsError
from minsum.schema import check_table
from minsum.workspace import Footer, Layout, digest, footer_digest, partition_key, publish_table, read_footer

if TYPE_CHECKING:
    import pyarrow as pa

    from minsum.esi.baskets import Basis, Residual
    from minsum.esi.references import Rule

RECIPE: Final = "esi-1"


@dataclass(frozen=True, slots=True)
class EsiOptions:
    """What decides the similarities (methods.md, section 1).

    Attributes
    ----------
    basis, level, residual
        See `baskets.gather`.
    min_products
        A country with fewer products gets a null and a reason.
    years, reporters
        Which to compare; empty means all. Reporters by ISO3 label.
    references
        Name of a composite to (members, rule).
    """

    basis: Basis = "X"
    level: int = 6
    residual: Residual = "exclude"
    min_products: int = 1
    years: tuple[int, ...] = ()
    reporters: tuple[str, ...] = ()
    references: Mapping[str, tuple[tuple[str, ...], Rule]] = field(default_factory=dict)


@dataclass(slots=True)
class EsiReport:
    """What one run of the stage did.

    Attributes
    ----------
    computed, unchanged
        `classification/year` of the files written and of those that were current.
    absent
        `classification/year` to composite name to its members without data there.
    n_rows
        Rows written.
    """

    computed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    absent: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    n_rows: int = 0


def compute_esi(
    layout: Layout, options: EsiOptions, *, progress: Callable[[str, int, int], None]
) -> EsiReport:
    """Bring `esi/` up to date with `flows/`.

    Raises
    ------
    MissingInputError
        If the lake holds nothing to compare.
    SettingsError
        If a composite takes the name of a country.
    """
    _check_names(options)
    groups = _groups(layout, options)
    if not groups:
        raise MissingInputError(
            f"{layout.flows}: no flows of the chosen years and reporters",
            "bring files in first: minsum ingest PATH",
        )
    report = EsiReport()
    for done, ((classification, year), files) in enumerate(groups.items()):
        target = layout.esi / f"classification={classification}" / f"{year}.parquet"
        name = f"{classification}/{year}"
        footer = _footer(files, options, classification=classification, year=year)
        if footer_digest(target) == footer["digest"]:
            report.unchanged.append(name)
            absent = read_footer(target)["absent"]
        else:
            table, absent = _similarities(files, options, year)
            check_table(table, "esi")
            publish_table(table, target, footer=footer | {"absent": absent}, layout=layout)
            report.computed.append(name)
            report.n_rows += table.num_rows
        if absent:
            report.absent[name] = absent
        progress("esi", done + 1, len(groups))
    _remove_others(layout, set(groups))
    return report


def _similarities(files: list[Path], options: EsiOptions, year: int) -> tuple[pa.Table, dict[str, list[str]]]:
    # Imported only when there is something to compute: a run with nothing to do must not load Numba.
    from minsum.esi.baskets import gather
    from minsum.esi.similarity import similarity_table

    baskets = gather(files, basis=options.basis, level=options.level, residual=options.residual)
    return similarity_table(
        baskets, year=year, references=options.references, min_products=options.min_products
    )


def _check_names(options: EsiOptions) -> None:
    for name, (members, _) in options.references.items():
        if len(set(members)) != len(members):
            raise SettingsError(
                f"esi.references.{name}: a member occurs twice in {list(members)}", "name each once"
            )


def _groups(layout: Layout, options: EsiOptions) -> dict[tuple[str, int], list[Path]]:
    """Flows files by classification and year, without groups of countries and what the options leave out."""
    groups: dict[tuple[str, int], list[Path]] = defaultdict(list)
    for path in layout.partitions():
        classification, year, code = partition_key(path)
        wanted = not options.reporters or iso3_of(code) in options.reporters
        if wanted and not is_group(code) and (not options.years or year in options.years):
            groups[classification, year].append(path)
    return groups


def _footer(files: list[Path], options: EsiOptions, *, classification: str, year: int) -> Footer:
    settings: dict[str, Any] = asdict(options)
    inputs = {str(partition_key(path)[2]): digest(read_footer(path)) for path in files}
    return {
        "stage": "esi",
        "recipe": RECIPE,
        "classification": classification,
        "year": year,
        "options": settings,
        "digest": digest([RECIPE, settings, inputs]),
    }


def _remove_others(layout: Layout, current: set[tuple[str, int]]) -> None:
    """Drop files of years that the flows or the options no longer give."""
    for path in layout.esi.glob("classification=*/*.parquet"):
        if (path.parent.name.partition("=")[2], int(path.stem)) not in current:
            path.unlink()
