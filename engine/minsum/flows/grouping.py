"""Decides for a file whether a value like 23.260 has a dot between thousands or three decimals."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from minsum.errors import ContradictionError
from minsum.flows.reader import batches
from minsum.sources.files import Source
from minsum.sources.formats import Header
from minsum.sources.opening import open_table
from minsum_kernels.fields import NA_TEXTS, FieldReader, Kind

LEAST_PLAIN: Final = 1000
"""A number this large has no dot between thousands: 1.234 is below it, and 1.234.567 is not a number."""

_UNDECIDED: Final = re.compile("|-?[0-9]{1,3}|" + "|".join(word.decode() for word in NA_TEXTS))
_AMBIGUOUS: Final = re.compile(r"-?[1-9][0-9]{0,2}\.[0-9]{3}")


def refuse_grouped(source: Source, header: Header, column: str, *, is_quoted: bool) -> None:
    """Read the values of a source again until one of them shows what the dots mean.

    For a source without values of `LEAST_PLAIN` or more.

    Parameters
    ----------
    source, header
        The file, and its header after `Header.settled`.
    column
        Name of the value column in the header.
    is_quoted
        Whether fields may be quoted.

    Raises
    ------
    ContradictionError
        If there are dots, and every dot may stand between thousands.
    """
    place = header.names.index(column)
    kinds: list[Kind] = ["text" if n == place else "skip" for n in range(len(header.names))]
    fields = FieldReader(kinds, header.separator.encode(), is_quoted=is_quoted)
    first: tuple[int, str] | None = None
    n_known = 0
    with open_table(source, is_proven=True) as (file, _):
        for lines in batches(file, fields, header, source.name, Counter()):
            for n, text in enumerate(fields.distinct(place, n_known), n_known):
                if _AMBIGUOUS.fullmatch(text):
                    first = first or (int(lines.line[lines.texts[place] == n][0]), text)
                elif not _UNDECIDED.fullmatch(text):
                    return
                n_known += 1
    if first is not None:
        line, text = first
        raise ContradictionError(
            f"{source.name}, line {line}, column {column}: {text!r} may be {text.replace('.', '')}, with a dot between "
            f"thousands as spreadsheets write it, or {float(text):g} with three decimals, and so may every other value",
            "write the values without dots between thousands, or with another number of decimals, or take the file as it was "
            "downloaded",
        )
