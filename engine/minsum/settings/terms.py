"""Parse and evaluate terms of an equation, such as `esi`, `logit(esi)`, `lag(ln(gdp), 2)`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import polars as pl

_TOKEN: Final = re.compile(r"\s*(?:(?P<word>[A-Za-z_][\w.]*)|(?P<number>\d+)|(?P<sign>[(),]))")
_OF_TIME: Final = ("lag", "diff")
FUNCTIONS: Final = ("ln", "log", "logit", "square", *_OF_TIME)
"""Functions of a term. ln and log are the same; lag and diff count years, not rows."""


@dataclass(frozen=True, slots=True)
class Term:
    """A column of the data, or a function of a term.

    Attributes
    ----------
    name
        Column or function.
    inner
        Argument of the function; None for a column.
    years
        Years of a lag or difference.
    """

    name: str
    inner: Term | None = None
    years: int = 1

    @property
    def column(self) -> str:
        """The column that the term is about."""
        return self.inner.column if self.inner else self.name

    def __str__(self) -> str:
        if self.inner is None:
            return self.name
        return f"{self.name}({self.inner}{f', {self.years}' if self.years != 1 else ''})"


def parse_term(text: str) -> Term:
    """Read a term.

    Raises
    ------
    ValueError
        If the text is no term; the message says what was expected, and where.
    """
    tokens: list[str] = []
    position = 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"{text!r} is no term: {text[position:].strip()[0]!r} has no meaning here")
        tokens.append(match[0].strip())
        position = match.end()
    term, rest = _parsed(tokens, text)
    if rest:
        raise ValueError(f"{text!r} is no term: {''.join(rest)!r} follows where it should end")
    return term


def _parsed(tokens: list[str], text: str) -> tuple[Term, list[str]]:
    """The first term, and the tokens after it."""
    if not tokens or tokens[0] in "(),":
        raise ValueError(f"{text!r} is no term: a column such as capital, or ln(capital), was expected")
    name, rest = tokens[0], tokens[1:]
    if rest[:1] != ["("]:
        if name.isdigit():
            raise ValueError(f"{text!r} is no term: a column was expected, found the number {name}")
        return Term(name), rest
    if name not in FUNCTIONS:
        raise ValueError(f"{text!r}: unknown function {name!r}, expected one of {', '.join(FUNCTIONS)}")
    inner, rest = _parsed(rest[1:], text)
    years = 1
    if name in _OF_TIME and rest[:1] == [","] and len(rest) > 1 and rest[1].isdigit() and int(rest[1]):
        years, rest = int(rest[1]), rest[2:]
    if rest[:1] != [")"]:
        raise ValueError(f"{text!r} is no term: a closing bracket was expected after {inner}")
    return Term(name, inner, years), rest[1:]


def evaluate(term: Term, data: pl.DataFrame, *, panel: Sequence[str]) -> pl.Series:
    """Values of a term in every row of the data, float64; null where it is not defined.

    Parameters
    ----------
    term
        Its column is in the data.
    data
        With a column `year`.
    panel
        Columns that name the unit followed through the years; a unit has one row a year.

    Notes
    -----
    ln of values at or below 0, and logit of values outside (0, 1), are null; lag is the value n years
    earlier, whatever rows there are between; diff is the change from it.
    """
    import polars as pl

    if term.inner is None:
        return data[term.name].cast(pl.Float64).fill_nan(None)
    x = evaluate(term.inner, data, panel=panel)
    if term.name in _OF_TIME:
        keys = data.select(*panel, "year")
        earlier = keys.with_columns(pl.col("year") + term.years, earlier=x)
        found = keys.join(earlier, on=[*panel, "year"], how="left", maintain_order="left")["earlier"]
        return found if term.name == "lag" else x - found
    if term.name == "square":
        return x**2
    if term.name == "logit":
        defined = x.set(~x.is_between(0, 1, closed="none").fill_null(value=False), None)
        return (defined / (1 - defined)).log()
    return x.set(~(x > 0).fill_null(value=False), None).log()
