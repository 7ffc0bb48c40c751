"""Which HS vintage is meant: similarities are formed within one, never across (docs/definitions.md)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from minsum.errors import MissingInputError, SettingsError


def chosen_classification(folder: Path, wanted: str | None, *, setting: str) -> str:
    """The classification wanted, or the only one that has rows.

    Parameters
    ----------
    folder
        Holds folders `classification=H2`.
    wanted
        HS vintage, or None.
    setting
        What the reader can set, for messages.

    Raises
    ------
    MissingInputError
        If the folder holds none.
    SettingsError
        If it does not hold the one wanted, or several and none is wanted.
    """
    files = sorted(folder.glob("classification=*/*"))
    found = _of(one for one in files if _has_rows(one)) or _of(files)
    if not found:
        raise MissingInputError(f"{folder}: nothing there yet", "make it first: minsum run")
    if wanted is None and len(found) > 1:
        raise SettingsError(
            f"{setting} is not set and the workspace holds {', '.join(found)}",
            f"choose one of them, such as {'--' if setting == 'classification' else ''}{setting} {found[0]}",
        )
    if wanted is not None and wanted not in found:
        raise SettingsError(f"{setting}: {wanted} is not in the workspace", f"it holds {', '.join(found)}")
    return wanted or found[0]


def _of(paths: Iterable[Path]) -> list[str]:
    return sorted({one.parent.name.partition("=")[2] for one in paths})


def _has_rows(path: Path) -> bool:
    """Whether a file of similarities holds any: a year with one country, or without exports, has none."""
    if path.is_dir():
        return True
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pa.OSFile(str(path)) as file:
            return bool(pq.read_metadata(file).num_rows)
    except pa.ArrowException:
        return True  # whoever reads it says what is wrong
