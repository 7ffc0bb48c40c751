"""Finds the format of a header among the modules of this package."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

import minsum.formats as package
from minsum.errors import UnknownFormatError
from minsum.formats.base import Format, Header

_NOT_FORMATS = {"base", "registry"}


@cache
def formats() -> tuple[Format, ...]:
    """Every format, those that name most columns first, so that the most specific one wins."""
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    found = [
        importlib.import_module(f"{package.__name__}.{name}").FORMAT
        for name in names
        if name not in _NOT_FORMATS
    ]
    return tuple(sorted(found, key=lambda one: -len(one.signature) - len(one.columns)))


def recognise(header: Header, file_name: str) -> Format | None:
    """The format of a file, or None for a file that only accompanies data (a country table).

    Raises
    ------
    UnknownFormatError
        If the header fits none; the message quotes it.
    """
    for known in formats():
        if known.fits(header):
            return known
    if any(header.names[:1] == (first,) for known in formats() for first in known.companions):
        return None
    found = header.line if len(header.line) <= 200 else header.line[:200] + " ..."
    raise UnknownFormatError(
        f"{file_name}, line 1: the header fits no format that minsum reads; found {len(header.names)} "
        f"columns: {found!r}",
        "minsum reads: " + "; ".join(known.title for known in formats()),
    )
