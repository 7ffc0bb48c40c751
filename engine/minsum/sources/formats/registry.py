"""Finds the format of a header among the modules of this package."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Collection
from functools import cache
from pathlib import Path

from minsum.errors import UnknownFormatError
from minsum.sources.formats.base import Column, Format, Header, folded_name

_NOT_FORMATS = {"base", "comtrade_names", "header", "registry"}
_NEAR = 3
"""Needed columns that a header has at least in common with the nearest format."""


@cache
def formats() -> tuple[Format, ...]:
    """Every format: those that are refused, then those that name most columns, so that the most specific wins."""
    names = sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    found = [
        importlib.import_module(f"{__package__}.{name}").FORMAT for name in names if name not in _NOT_FORMATS
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
    raise _unknown(header, file_name)


def nearest(header: Header) -> tuple[Format, list[Column]] | None:
    """The format of which a header lacks fewest of the needed columns, and these; None when it is no such table."""
    lacking = [(known, known.missing(header)) for known in formats() if not known.refusal]
    known, missing = min(lacking, key=lambda one: (len(one[1]), len(one[0].signature)))
    needed = sum(column.required for column in known.columns.values())
    return (known, missing) if needed - len(missing) >= _NEAR else None


def _unknown(header: Header, file_name: str) -> UnknownFormatError:
    line = header.line if len(header.line) <= 200 else header.line[:200] + " ..."
    where = f"{file_name}, line {header.number}: the header fits no format that minsum reads"
    near = nearest(header)
    if near is None:
        return UnknownFormatError(
            f"{where}; found {len(header.names)} columns: {line!r}",
            "minsum reads: " + "; ".join(known.title for known in formats() if not known.refusal),
        )
    known, missing = near
    names = ", ".join(" or ".join((one.source, *one.also)) for one in missing)
    return UnknownFormatError(
        f"{where}; nearest: {known.title}, without {names}; found {len(header.names)} columns: {line!r}",
        "download it with these columns, or give the columns these names",
    )


def _refuse_repeated(known: Format, header: Header, file_name: str) -> None:
    """Two columns of one name, one of which would be read."""
    folded = [folded_name(name) for name in header.names]
    for source in known.present(header).values():
        if (n := folded.count(folded_name(source))) > 1:
            raise UnknownFormatError(
                f"{file_name}, line {header.number}: column {source} occurs {n} times",
                "remove one of them, or download the file again",
            )
