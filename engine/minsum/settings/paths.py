"""Paths of this machine, and addresses of object storage such as `s3://bucket/prefix`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from minsum.errors import UsageError

SCHEMES: Final = ("s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "adl")
"""Amazon S3 and what speaks its language, Google, Azure."""

_ADDRESS: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):/+(?P<rest>.*)", re.DOTALL)
"""Address with a scheme. Path("s3://bucket") keeps one slash only; a single letter is a drive, not a scheme."""


def is_remote(path: str | Path) -> bool:
    """Whether a path is an address with a scheme, such as `s3://bucket/prefix`."""
    return _ADDRESS.match(str(path)) is not None


def remote_url(path: str | Path) -> str | None:
    """The address of a place in object storage, in one form; None for a path of this machine.

    Raises
    ------
    UsageError
        If minsum does not know such addresses, or it holds more than bucket and prefix; it is then not quoted.
    """
    match = _ADDRESS.fullmatch(str(path))
    if match is None:
        return None
    scheme, rest = match["scheme"].lower(), match["rest"].strip("/")
    if scheme not in SCHEMES:
        raise _unknown(path, scheme, "; object storage is s3://, gs:// or az://")
    bucket, _, prefix = rest.partition("/")
    if re.search(r"[?#]", rest) or re.search(r":.*@" if scheme.startswith("abfs") else "@", bucket):
        raise UsageError(
            f"{scheme}://...: an address with more than bucket and prefix",
            "keys and tokens belong into the environment (docs/cluster.md, A bucket), where no log shows them",
        )
    if not bucket or any(part in ("", ".", "..") for part in prefix.split("/") if prefix):
        raise UsageError(f"{path}: no bucket and prefix", "such as s3://bucket/prefix")
    return f"{scheme}://{rest}"


def local_path(path: str | Path) -> Path:
    """The path, if it is on this machine.

    Raises
    ------
    UsageError
        If it is an address with a scheme.
    """
    match = _ADDRESS.match(str(path))
    if match is None:
        return Path(path)
    raise _unknown(path, match["scheme"].lower(), " here")


def _unknown(path: str | Path, scheme: str, where: str) -> UsageError:
    if scheme == "file":
        return UsageError(f"{path} is an address, not a path", "write the path alone, such as /data/comtrade")
    return UsageError(
        f"{path}: minsum reads and writes folders of this machine, not {scheme}:// addresses{where}",
        "copy the files to a local folder, or mount the storage, and name that folder; a local folder of this name is "
        "named by its full path",
    )
