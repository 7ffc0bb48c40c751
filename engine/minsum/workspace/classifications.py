"""Chooses the HS vintage: similarities are computed within one vintage, never across (docs/definitions.md)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final

from minsum.errors import MissingInputError, SettingsError
from minsum.workspace.copies import bring_footers

_VINTAGE: Final = re.compile(r"[A-Z]\d")


def chosen_classification(folder: Path, wanted: str | None, *, setting: str) -> str:
    """The wanted HS vintage, or the only one with rows.

    Parameters
    ----------
    folder
        Folder with subfolders such as `classification=H2`.
    wanted
        HS vintage, or None.
    setting
        Name of the setting, for messages.

    Raises
    ------
    MissingInputError
        If the folder holds no vintage.
    SettingsError
        If it lacks the wanted vintage, or holds several and none is wanted.
    """
    files = [
        one
        for one in folder.glob("classification=*/*")
        if _VINTAGE.fullmatch(one.parent.name.partition("=")[2])
    ]
    return choose_classification(with_rows(files), wanted, setting=setting, place=folder)


def choose_classification(there: Collection[str], wanted: str | None, *, setting: str, place: Path) -> str:
    """As `chosen_classification`, from the vintages present."""
    found = sorted(there)
    if not found:
        raise MissingInputError(f"{place}: nothing there yet", "make it first: minsum run")
    if wanted is None and len(found) > 1:
        raise SettingsError(
            f"{setting} is not set and the workspace holds {', '.join(found)}",
            f"choose one of them, such as {'--' if setting == 'classification' else ''}{setting} {found[0]}, "
            "or bring them together: [harmonise] target (docs/vintages.md)",
        )
    if wanted is not None and wanted not in found:
        raise SettingsError(f"{setting}: {wanted} is not in the workspace", f"it holds {', '.join(found)}")
    return wanted or found[0]


def with_rows(paths: Iterable[Path]) -> set[str]:
    """HS vintages of files with rows, or of all files if none has rows. A file still to be made counts as one with
    rows."""
    files = list(paths)
    bring_footers(files)
    return _of(one for one in files if _has_rows(one)) or _of(files)


def _of(paths: Iterable[Path]) -> set[str]:
    return {one.parent.name.partition("=")[2] for one in paths}


def _has_rows(path: Path) -> bool:
    """Whether a file holds any similarity. A year with one country, or without exports, has none."""
    if path.is_dir():
        return True
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pa.OSFile(str(path)) as file:
            return bool(pq.read_metadata(file).num_rows)
    except (OSError, pa.ArrowException):
        return True  # absent or damaged: the stage that reads the file reports it
