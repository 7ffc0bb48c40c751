"""Every error minsum raises on purpose, and the exit code it ends a command with.

    MinsumError                     1  unexpected
    ├── UsageError                  2  a wrong argument or path
    │   └── SettingsError           2  minsum.toml or MINSUM_* is wrong
    ├── SourceError                 3  one source is rejected; the others go on
    │   ├── UnknownFormatError         its header fits no known format
    │   ├── BrokenSourceError          truncated, empty, not what its name says, unreadable
    │   ├── ContradictionError         content disagrees with the file name or with itself
    │   ├── UnreadableSourceError      the disk does not give it
    │   ├── ChangedSourceError         it changed while it was read
    │   ├── RivalSourceError           another publisher already gave this reporter-year
    │   ├── AbsentSourceError          it adds to a reporter-year of which another part is not at hand
    │   └── SmallerSourceError         it holds far less than the lake does of the same reporter-year
    ├── DataCheckError              4  a table is not what its stage promised
    │   └── MissingInputError       4  a stage has nothing to work on
    │       └── EmptySampleError    4  no country and year is left for the panel (in minsum run: 3)
    ├── EstimationError             5  the model cannot be estimated on this sample
    ├── WorkspaceLockedError        6  another run holds the workspace
    └── RemoteError                 7  the remote service cannot be reached or answers with nonsense
        ├── KeyRefusedError            no key, or one that the service does not take
        ├── QuotaError                 the service allows no more calls for now; says when it will
        └── ClusterError               no cluster answers, it does not fit, or it was lost

A run in which nothing was raised ends with 0, with 3 for rejected sources and warnings, or with 7 if only fetching failed:
`workspace.runs.RunReport.exit_code` decides.

Each carries a message (what was found, where, what was expected) and a hint (what to do about it).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class MinsumError(Exception):
    """Base of all deliberate errors.

    Parameters
    ----------
    message
        What was found, where, and what was expected.
    hint
        What the reader can do about it; empty when the message says it.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class UsageError(MinsumError):
    """A command or function was called with an argument that cannot work."""

    exit_code = 2


class SettingsError(UsageError):
    """`minsum.toml`, an environment variable or a flag holds a wrong name or value."""


class SourceError(MinsumError):
    """One input file is rejected. What earlier files gave stays in the lake.

    Attributes
    ----------
    is_final
        Whether the verdict is about content and name alone, so that the file need not be read again.
    because
        Otherwise, if not empty: the reporter-years of the lake that the verdict is about, and what they are made of
        (`lake.sources_digest`). It holds as long as they do.
    """

    exit_code = 3
    is_final = True

    def __init__(self, message: str, hint: str = "", *, because: dict[str, str] | None = None) -> None:
        super().__init__(message, hint)
        self.because = because or {}


class UnknownFormatError(SourceError):
    """The header fits no format that minsum reads."""


class BrokenSourceError(SourceError):
    """The bytes are truncated, empty, corrupt or not the kind of file the name promises."""


class ContradictionError(SourceError):
    """The content disagrees with the file's name, or with itself."""


class UnreadableSourceError(SourceError):
    """The file cannot be opened or read: rights, a broken disk, a link to nothing, gone meanwhile."""

    is_final = False


class ChangedSourceError(SourceError):
    """Other bytes were read than were hashed before: the file is still being written, or was replaced."""

    is_final = False


class RivalSourceError(SourceError):
    """Another publisher's figures for the same reporter-year are already in the lake."""

    is_final = False


class AbsentSourceError(SourceError):
    """The source adds to a reporter-year that has to be built anew, and another part of it is not at hand."""

    is_final = False


class SmallerSourceError(SourceError):
    """What the source gives would leave less than half of what the lake holds, or nothing of a flow."""

    is_final = False


class DataCheckError(MinsumError):
    """A table or file violates what its stage promised."""

    exit_code = 4


class MissingInputError(DataCheckError):
    """A stage found nothing to work on."""


class EmptySampleError(MissingInputError):
    """No country and year has a similarity with the panel's reference, so there is no panel to make."""


class EstimationError(MinsumError):
    """The model cannot be estimated on this sample; the message names the culprit."""

    exit_code = 5


class WorkspaceLockedError(MinsumError):
    """Another run holds the workspace."""

    exit_code = 6


class RemoteError(MinsumError):
    """The remote service cannot be reached, or its answer makes no sense."""

    exit_code = 7


class KeyRefusedError(RemoteError):
    """There is no key, or the service does not take it."""


class ClusterError(RemoteError):
    """The cluster does not answer, its workers cannot do the work, or it was lost."""


class QuotaError(RemoteError):
    """The service allows no more calls for now; the message says when it will again."""


def one_of(value: str, allowed: Iterable[str], *, argument: str) -> str:
    """The value of an argument; one that is not allowed is refused, never taken for another.

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
