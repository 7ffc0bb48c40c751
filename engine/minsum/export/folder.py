"""The folder of a release: written beside its place, checked off in SHA256SUMS, and put into place at once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import file_digest
from pathlib import Path
from typing import Final

from minsum.errors import DataCheckError, UsageError
from minsum.workspace.publish import sync

SUMS: Final = "SHA256SUMS"


@contextmanager
def release_folder(target: Path) -> Iterator[Path]:
    """A folder beside `target` that takes its place when the block ends well.

    A killed export leaves `target` as it was, and its own folder, hidden beside it, to the next export, which removes it.

    Raises
    ------
    UsageError
        If there is something in `target` that is no earlier release.
    """
    target = target.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    new, old = (target.with_name(f".{target.name}.{what}") for what in ("new", "old"))
    if old.is_dir() and not target.exists():  # killed between the two renames below
        old.replace(target)
    for left in (new, old):
        shutil.rmtree(left, ignore_errors=True)
    _refuse_foreign(target)
    new.mkdir()
    try:
        yield new
        _write_sums(new)
        for path in [*new.rglob("*"), new]:
            sync(path)
        if target.exists():
            target.replace(old)
        new.replace(target)
        sync(target.parent)
    finally:
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def sums_of(folder: Path) -> dict[str, str]:
    """SHA-256 of each file of a release, as its list says.

    Raises
    ------
    UsageError
        If the folder is no release.
    """
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
        return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{folder} is no release of minsum export: no {SUMS} in it", "name another folder"
        ) from error


def proven(folder: Path, name: str) -> Path:
    """A file of a release whose bytes are those that its list says.

    Raises
    ------
    DataCheckError
        If it is not there or was changed.
    """
    path = folder / name
    if not path.is_file() or _sha256(path) != sums_of(folder).get(name):
        raise DataCheckError(
            f"{path}: missing, or not as it was exported", f"see {SUMS}; take a copy that is whole"
        )
    return path


def _refuse_foreign(target: Path) -> None:
    """Raise where replacing the folder would take away what no export wrote."""
    if not target.exists():
        return
    if target.is_dir() and not any(target.iterdir()):
        return
    listed = {*sums_of(target), SUMS}
    there = {path.relative_to(target).as_posix() for path in target.rglob("*") if not path.is_dir()}
    if foreign := sorted(there - listed):
        raise UsageError(
            f"{target} holds what no export wrote: {', '.join(foreign[:3])}",
            "move it away, or name another folder",
        )


def _write_sums(folder: Path) -> None:
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    text = "".join(f"{_sha256(folder / name)}  {name}\n" for name in names)
    (folder / SUMS).write_text(text, encoding="utf-8")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
