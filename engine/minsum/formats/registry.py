"""Finds the format of a header among the modules of this package."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Collection
from functools import cache

import minsum.formats as package
from minsum.errors import UnknownFormatError
from minsum.formats.base import Format, Header

_NOT_FORMATS = {"base", "header", "registry"}


@cache
def formats() -> tuple[Format, ...]:
    """Every format: those that are refused, then those that name most columns, so that the most specific wins."""
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    found = [
        importlib.import_module(f"{package.__name__}.{name}").FORMAT
        for name in names
        if name not in _NOT_FORMATS
    ]
    return tuple(sorted(found, key=lambda one: (one.refusal is None, -len(one.signature) - len(one.columns))))


def recognise(header: Header, file_name: str, *, figures: Collection[str] = ()) -> Format | None:
    """The format of a file, or None for a file that only accompanies data (a country table).

    Of a format's `figures` those named are among its columns.

    Raises
    ------
    UnknownFormatError
        If the header fits none, and the message quotes it, or one that minsum does not read.
    """
    for known in formats():
        if known.refusal and (known.fits(header) or known.refuses(file_name)):
            reason, hint = known.refusal
            raise UnknownFormatError(f"{file_name}: {known.title}: {reason}", hint)
        if known.fits(header):
            found = known.carrying(figures)
            _refuse_repeated(found, header, file_name)
            return found
    first = ",".join(header.names).lower() + ","
    if any(first.startswith(names + ",") for known in formats() for names in known.companions):
        return None
    line = header.line if len(header.line) <= 200 else header.line[:200] + " ..."
    raise UnknownFormatError(
        f"{file_name}, line 1: the header fits no format that minsum reads; found {len(header.names)} "
        f"columns: {line!r}",
        "minsum reads: " + "; ".join(known.title for known in formats() if not known.refusal),
    )


def _refuse_repeated(known: Format, header: Header, file_name: str) -> None:
    """Two columns of one name, one of which would be read."""
    folded = [name.lower() for name in header.names]
    for column in known.columns.values():
        if folded.count(column.source.lower()) > 1:
            raise UnknownFormatError(
                f"{file_name}, line 1: column {column.source} occurs {folded.count(column.source.lower())} times",
                "remove one of them, or download the file again",
            )
