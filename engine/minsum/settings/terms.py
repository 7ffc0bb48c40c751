"""Parse and evaluate terms of an equation, such as `esi`, `logit(esi)`, `lag(ln(gdp), 2)`, `x:asean`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import polars as pl

_TOKEN: Final = re.compile(r"\s*(?:(?P<word>[A-Za-z_][\w.]*)|(?P<number>\d+)|(?P<sign>[(),:]))")
_OF_TIME: Final = ("lag", "diff")
FUNCTIONS: Final = ("ln", "log", "logit", "square", "gap", *_OF_TIME)
"""Functions of a term. ln and log are the same; lag and diff count years, not rows; gap is the distance of two countries."""
PRODUCT: Final = ":"
"""Name of a term that is the product of others."""


@dataclass(frozen=True, slots=True)
class Term:
    """A column of the data, a function of a term, or a product of terms.

    Attributes
    ----------
    name
        Column, function or `PRODUCT`.
    inner
        Arguments of the function, or factors of the product; empty for a column.
    years
        Years of a lag or difference.
    """

    name: str
    inner: tuple[Term, ...] = ()
    years: int = 1

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that the term is made of, each once."""
        names = [name for one in self.inner for name in one.columns] if self.inner else [self.name]
        return tuple(dict.fromkeys(names))

    @property
    def functions(self) -> set[str]:
        """Functions in the term."""
        own = {self.name} - {PRODUCT} if self.inner else set()
        return own.union(*(one.functions for one in self.inner))

    def renamed(self, names: dict[str, str]) -> Term:
        """The term with other columns, by their names."""
        if not self.inner:
            return Term(names.get(self.name, self.name))
        return replace(self, inner=tuple(one.renamed(names) for one in self.inner))

    def of_two_countries(self, own: str) -> Term:
        """The term with each gap spelt out: `gap(x)` becomes the gap of `<own>x` and `reference.x`.

        Parameters
        ----------
        own
            What stands before the names of the country's own variables: `reporter.` for pairs, nothing for the panel.
        """
        inner = tuple(one.of_two_countries(own) for one in self.inner)
        if self.name != "gap" or len(inner) != 1:
            return replace(self, inner=inner)
        sides = [
            inner[0].renamed({one: f"{side}{one}" for one in inner[0].columns})
            for side in (own, "reference.")
        ]
        return replace(self, inner=tuple(sides))

    def __str__(self) -> str:
        if self.name == PRODUCT:
            return PRODUCT.join(map(str, self.inner))
        if not self.inner:
            return self.name
        years = f", {self.years}" if self.years != 1 else ""
        return f"{self.name}({', '.join(map(str, self.inner))}{years})"


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
    term, rest = _product(tokens, text)
    if rest:
        raise ValueError(f"{text!r} is no term: {''.join(rest)!r} follows where it should end")
    return term


def _product(tokens: list[str], text: str) -> tuple[Term, list[str]]:
    """The first term, with every factor that `:` joins to it, and the tokens after it."""
    first, rest = _factor(tokens, text)
    factors = [first]
    while rest[:1] == [PRODUCT]:
        one, rest = _factor(rest[1:], text)
        factors.append(one)
    return (first if len(factors) == 1 else Term(PRODUCT, tuple(factors))), rest


def _factor(tokens: list[str], text: str) -> tuple[Term, list[str]]:
    """The first column or function, and the tokens after it."""
    if not tokens or tokens[0] in "(),:":
        raise ValueError(f"{text!r} is no term: a column such as capital, or ln(capital), was expected")
    name, rest = tokens[0], tokens[1:]
    if rest[:1] != ["("]:
        if name.isdigit():
            raise ValueError(f"{text!r} is no term: a column was expected, found the number {name}")
        return Term(name), rest
    if name not in FUNCTIONS:
        raise ValueError(f"{text!r}: unknown function {name!r}, expected one of {', '.join(FUNCTIONS)}")
    inner, rest = _product(rest[1:], text)
    years = 1
    if name in _OF_TIME and rest[:1] == [","] and len(rest) > 1 and rest[1].isdigit() and int(rest[1]):
        years, rest = int(rest[1]), rest[2:]
    if rest[:1] != [")"]:
        raise ValueError(f"{text!r} is no term: a closing bracket was expected after {inner}")
    return Term(name, (inner,), years), rest[1:]


def evaluate(term: Term, data: pl.DataFrame, *, panel: Sequence[str]) -> pl.Series:
    """Values of a term in every row of the data, float64; null where it is not defined.

    Parameters
    ----------
    term
        Its columns are in the data, and its gaps are spelt out (`Term.of_two_countries`).
    data
        With a column `year`.
    panel
        Columns that name the unit followed through the years; a unit has one row a year.

    Notes
    -----
    ln of values at or below 0, and logit of values outside (0, 1), are null; lag is the value n years
    earlier, whatever rows there are between; diff is the change from it; gap is the absolute difference of the two
    countries; a product is null where a factor is.
    """
    import polars as pl

    if not term.inner:
        return data[term.name].cast(pl.Float64).fill_nan(None)
    values = [evaluate(one, data, panel=panel) for one in term.inner]
    x = values[0]
    if term.name == PRODUCT:
        for other in values[1:]:
            x = x * other
        return x
    if term.name == "gap":
        return (x - values[1]).abs()
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
