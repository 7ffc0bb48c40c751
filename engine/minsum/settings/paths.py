"""Paths of this machine. An address such as `s3://bucket/prefix` is refused: as a path it would become a folder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from minsum.errors import UsageError

_SCHEME: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):/")
"""Address with a scheme. Path("s3://bucket") keeps one slash only; a single letter is a drive, not a scheme."""


def is_remote(path: str | Path) -> bool:
    """Whether a path is an address with a scheme, such as `s3://bucket/prefix`."""
    return _SCHEME.match(str(path)) is not None


def local_path(path: str | Path) -> Path:
    """The path, if it is on this machine.

    Raises
    ------
    UsageError
        If it is an address with a scheme.
    """
    match = _SCHEME.match(str(path))
    if match is None:
        return Path(path)
    if match["scheme"].lower() == "file":
        raise UsageError(f"{path} is an address, not a path", "write the path alone, such as /data/comtrade")
    raise UsageError(
        f"{path}: minsum reads and writes folders of this machine, not {match['scheme']}:// addresses",
        "copy the files to a local folder, or mount the storage, and name that folder; a local folder of this name is "
        "named by its full path",
    )
