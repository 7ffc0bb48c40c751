"""Values like 23.260: a dot between thousands, or three decimals? Decided for a file, by all of its values."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from minsum.errors import ContradictionError
from minsum.flows.reader import batches
from minsum.sources.files import Source
from minsum.sources.formats import Header
from minsum.sources.opening import open_table
from minsum_kernels.fields import NOTHING, FieldReader, Kind

LEAST_PLAIN: Final = 1000
"""A value from here on has no dot between thousands, or is no number at all."""

_UNDECIDED: Final = re.compile("|-?[0-9]{1,3}|" + "|".join(word.decode() for word in NOTHING))
_AMBIGUOUS: Final = re.compile(r"-?[1-9][0-9]{0,2}\.[0-9]{3}")


def refuse_grouped(source: Source, header: Header, column: str, *, is_quoted: bool) -> None:
    """Read the values of a source once more, of which none is `LEAST_PLAIN` or larger, until one tells what the dots are.

    Parameters
    ----------
    source, header
        The file, and its header, settled.
    column
        Of the values, as the header has it.
    is_quoted
        Whether fields may be quoted.

    Raises
    ------
    ContradictionError
        If there are dots, and all of them may stand between thousands.
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
