"""Makes the shipped tables from the UN's workbooks: `python -m minsum.harmonise.make_tables FOLDER`.

Source of the workbooks: United Nations Statistics Division, "Correlation and conversion tables used in UN Comtrade",
https://unstats.un.org/unsd/classifications/Econ. Only the six workbooks between adjacent vintages are read.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import numpy as np

from minsum.errors import DataCheckError
from minsum.harmonise.shipped import FOLDER, Nomenclature, rebuilt
from minsum.harmonise.vintages import UNSPECIFIED_CODE, VINTAGES, steps
from minsum.harmonise.workbooks import Codes, Concordance, is_workbook, named_pair, read_workbook


def make_tables(workbooks: Path, target: Path = FOLDER) -> None:
    """Write `codes`, `conversions`, `links` and `sources.json`.

    Parameters
    ----------
    workbooks
        Folder with the UN's workbooks between adjacent vintages; other workbooks are ignored.
    target
        Folder of the shipped tables.

    Raises
    ------
    DataCheckError
        If a workbook is missing or bad, or the compact form does not reproduce its table.
    """
    pairs = steps(VINTAGES[-1], VINTAGES[0])
    paths = {named_pair(path.name): path for path in workbooks.iterdir() if is_workbook(path)}
    missing = [f"{newer} to {older}" for newer, older in pairs if (newer, older) not in paths]
    if missing:
        raise DataCheckError(f"{workbooks}: no workbook {', '.join(missing)}")
    tables = [_without_unspecified(read_workbook(paths[pair])) for pair in pairs]
    codes = _nomenclature(tables)
    changed = {table.newer: _changed(table, codes[table.newer]) for table in tables}
    links = {table.newer: _links(table.links) for table in tables}
    for table in tables:
        kept = {"changed": changed[table.newer], "links": links[table.newer]}
        again = rebuilt(table.newer, table.older, codes=codes, **kept)
        for name in ("sources", "targets", "links"):
            if not np.array_equal(getattr(again, name), getattr(table, name)):
                raise DataCheckError(f"{table.newer} to {table.older}: the compact form loses some of {name}")
    target.mkdir(parents=True, exist_ok=True)
    _write(target / "codes.csv.gz", "product_code,vintages", _with_vintages(codes))
    _write(target / "conversions.csv.gz", "newer,newer_code,older_code", _lines(changed))
    _write(target / "links.csv.gz", "newer,newer_code,older_code", _lines(links))
    _write_sources([paths[pair] for pair in pairs], target)


def _without_unspecified(table: Concordance) -> Concordance:
    """The table without 999999, which only some sheets list."""
    is_product = table.sources != UNSPECIFIED_CODE
    links = table.links[(table.links != UNSPECIFIED_CODE).all(axis=1)]
    return Concordance(table.newer, table.older, table.sources[is_product], table.targets[is_product], links)


def _nomenclature(tables: Iterable[Concordance]) -> Nomenclature:
    """Codes that any sheet names for a vintage."""
    codes: dict[str, list[Codes]] = {vintage: [] for vintage in VINTAGES}
    for table in tables:
        codes[table.newer] += [table.sources, table.links[:, 0]]
        codes[table.older] += [table.targets, table.links[:, 1]]
    return {vintage: np.unique(np.concatenate(found)) for vintage, found in codes.items()}


def _changed(table: Concordance, codes: Codes) -> Codes:
    targets = np.full(len(codes), UNSPECIFIED_CODE, dtype=np.int32)
    targets[np.searchsorted(codes, table.sources)] = table.targets
    pairs: Codes = np.stack([codes, targets], axis=1)
    kept: Codes = pairs[targets != codes]
    return kept


def _links(links: Codes) -> Codes:
    """Links, except between equal codes that have no other link."""
    (of_newer, n_newer), (of_older, n_older) = (np.unique(links[:, k], return_counts=True) for k in (0, 1))
    often = (n_newer[np.searchsorted(of_newer, links[:, 0])] > 1) | (
        n_older[np.searchsorted(of_older, links[:, 1])] > 1
    )
    kept: Codes = links[often | (links[:, 0] != links[:, 1])]
    return kept


def _with_vintages(codes: Nomenclature) -> Iterable[str]:
    for code in np.unique(np.concatenate([*codes.values()])).tolist():
        yield f"{code:06d}," + "".join(vintage[1] for vintage in VINTAGES if code in codes[vintage])


def _lines(tables: Mapping[str, Codes]) -> Iterable[str]:
    for newer in sorted(tables):
        for code, other in tables[newer].tolist():
            yield f"{newer},{code:06d},{other:06d}"


def _write(path: Path, header: str, lines: Iterable[str]) -> None:
    text = "\n".join([header, *lines, ""])
    path.write_bytes(gzip.compress(text.encode("ascii"), mtime=0))


def _write_sources(workbooks: Iterable[Path], target: Path) -> None:
    sources = {
        "publisher": "United Nations Statistics Division, correlation and conversion tables used in UN Comtrade",
        "made": datetime.now(UTC).date().isoformat(),
        "made_by": "python -m minsum.harmonise.make_tables FOLDER",
        "workbooks": {path.name: sha256(path.read_bytes()).hexdigest() for path in workbooks},
    }
    (target / "sources.json").write_text(json.dumps(sources, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    make_tables(Path(sys.argv[1]))
