"""Which HS vintage is meant: similarities are formed within one, never across (docs/definitions.md)."""

from __future__ import annotations

from pathlib import Path

from minsum.errors import MissingInputError, SettingsError


def chosen_classification(folder: Path, wanted: str | None, *, setting: str) -> str:
    """The classification wanted, or the only one there is.

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
    found = sorted({one.parent.name.partition("=")[2] for one in folder.glob("classification=*/*")})
    if not found:
        raise MissingInputError(f"{folder}: nothing there yet", "make it first: minsum run")
    if wanted is None and len(found) > 1:
        raise SettingsError(
            f"{setting} is not set and the workspace holds {', '.join(found)}",
            f"choose one of them, such as {'--' if setting == 'classification' else ''}{setting} {found[0]}, "
            "or bring them together: [harmonise] target (docs/vintages.md)",
        )
    if wanted is not None and wanted not in found:
        raise SettingsError(f"{setting}: {wanted} is not in the workspace", f"it holds {', '.join(found)}")
    return wanted or found[0]
