"""Errors of this package."""

from __future__ import annotations


class KernelInputError(ValueError):
    """An array cannot be computed on; the message says what was found, what is expected and what to do."""


class FieldError(ValueError):
    """A line of text does not have the fields it should.

    Parameters
    ----------
    problem
        What is wrong, in words.
    line
        Its number, as the caller counts.
    field
        Which field of the line, from 0; None when their number is wrong.
    text
        What stands in the field.
    """

    def __init__(self, problem: str, line: int, field: int | None, text: str = "") -> None:
        super().__init__(problem, line, field, text)
        self.problem, self.line, self.field, self.text = problem, line, field, text
