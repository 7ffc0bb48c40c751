"""Arguments of the Python functions: a value that is none of those allowed is refused, never taken for another."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from minsum.errors import UsageError


def one_of(value: str, allowed: Iterable[str], *, argument: str) -> str:
    """The value, when it is one of those allowed.

    Raises
    ------
    UsageError
        Naming the values there are, and the nearest.
    """
    known = list(allowed)
    if value in known:
        return value
    near = difflib.get_close_matches(str(value), known, n=1)
    meant = f"did you mean {near[0]!r}? " if near else ""
    raise UsageError(f"{argument}={value!r} is not known", f"{meant}one of {', '.join(map(repr, known))}")
