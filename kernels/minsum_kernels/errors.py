"""The one error of this package."""

from __future__ import annotations


class KernelInputError(ValueError):
    """An array cannot be computed on; the message says what was found, what is expected and what to do."""
