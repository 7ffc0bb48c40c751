"""Turns errors of pydantic into messages for the person who wrote the file."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError

from minsum.errors import SettingsError

_SECRET: Final = {"key_file", "base_url"}
"""Settings whose wrong value is not shown, because it may contain the key."""


def explained(error: ValidationError, path: Path, *, model: type[BaseModel]) -> SettingsError:
    """The first error of pydantic as a minsum error.

    Parameters
    ----------
    error
        From validating the content of `path`.
    path
        The file.
    model
        The class that was validated; it has the known names.

    Returns
    -------
    An error that names the place and, for a misspelt name, the nearest known one.
    """
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"]) or "settings"
    if first["type"] == "extra_forbidden":
        name = str(first["loc"][-1])
        known = _names_beside(first["loc"], model)
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known names: {', '.join(known)}"
        return SettingsError(f"{path}: unknown setting {place!r}", hint)
    message = re.sub(r"^Value error, ", "", first["msg"])
    is_told = first["type"] != "value_error" and not _SECRET & set(first["loc"])
    found = f" (found {first['input']!r})" if is_told else ""
    return SettingsError(
        f"{path}: {place}: {message}{found}", "correct it there, or in the MINSUM_* variable"
    )


def _names_beside(location: tuple[int | str, ...], model: type[BaseModel]) -> list[str]:
    """Allowed names at the place of an unknown name."""
    for part in location[:-1]:
        if isinstance(part, str) and part in model.model_fields:
            model = next(_models_in(model.model_fields[part].annotation), model)
    return list(model.model_fields)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Models in a type such as `dict[str, Composite] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)
