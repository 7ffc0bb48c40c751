"""Errors of this package."""

from __future__ import annotations


class KernelInputError(ValueError):
    """An invalid array. The message says what was found, what is expected and what to do."""


class FieldError(ValueError):
    """A line of text has wrong fields.

    Parameters
    ----------
    problem
        Description of the problem.
    line
        Line number, as counted by the caller.
    field
        Index of the field in the line; None if the number of fields is wrong.
    text
        Content of the field.
    """

    def __init__(self, problem: str, line: int, field: int | None, text: str = "") -> None:
        super().__init__(problem, line, field, text)
        self.problem, self.line, self.field, self.text = problem, line, field, text
