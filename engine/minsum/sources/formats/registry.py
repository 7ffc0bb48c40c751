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
"""Required columns that a header must share with a format to be close to it."""


@cache
def formats() -> tuple[Format, ...]:
    """All formats: refused formats first, then those with most columns, so that the most specific format wins."""
    names = sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    found = [
        importlib.import_module(f"{__package__}.{name}").FORMAT for name in names if name not in _NOT_FORMATS
    ]
    return tuple(sorted(found, key=lambda one: (one.refusal is None, -len(one.signature) - len(one.columns))))


def recognise(header: Header, file_name: str, *, quantities: Collection[str] = ()) -> Format | None:
    """Format of a file, with the named quantities among its columns; None for a file that only accompanies data.

    Raises
    ------
    UnknownFormatError
        If the header fits no format (the message quotes it), or a format that minsum does not read.
    """
    for known in formats():
        if known.refusal and (known.fits(header) or known.refuses(file_name)):
            reason, hint = known.refusal
            raise UnknownFormatError(f"{file_name}: {known.title}: {reason}", hint)
        if known.fits(header):
            found = known.carrying(quantities)
            _refuse_repeated(found, header, file_name)
            return found
    first = ",".join(header.names).lower() + ","
    if any(first.startswith(names + ",") for known in formats() for names in known.companions):
        return None
    raise _unknown(header, file_name)


def nearest(header: Header) -> tuple[Format, list[Column]] | None:
    """Format with the fewest required columns missing, and the missing columns; None if the header is close to none."""
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
    """Refuse a header with two columns of one name, if that column would be read."""
    folded = [folded_name(name) for name in header.names]
    for source in known.present(header).values():
        if (n := folded.count(folded_name(source))) > 1:
            raise UnknownFormatError(
                f"{file_name}, line {header.number}: column {source} occurs {n} times",
                "remove one of them, or download the file again",
            )
