"""The workers' side: whether a process can work for a run, and how it does a task."""

from __future__ import annotations

import logging
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from threading import get_ident
from typing import Any

from minsum.errors import ClusterError
from minsum.machine import versions
from minsum.workspace.layout import Layout
from minsum.workspace.tasks import Result, Run, Task

log = logging.getLogger("minsum")
Records = list[dict[str, Any]]
"""Attributes of log records."""


@dataclass(frozen=True, slots=True)
class Seal:
    """What shows a worker that it works for the run that holds the workspace: it sees its file, as it was written.

    Attributes
    ----------
    path, text
        The file, which goes when the run ends or another one takes the workspace.
    root
        Of the workspace.
    versions
        The driver's.
    """

    path: Path
    text: str
    root: Path
    versions: dict[str, str]

    @classmethod
    def make(cls, layout: Layout) -> Seal:
        """Write the file for a run that holds the workspace."""
        text = uuid.uuid4().hex
        path = layout.scratch / text / "seal"
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="ascii")
        return cls(path.absolute(), text, layout.root.absolute(), _versions())


@cache
def _versions() -> dict[str, str]:
    """Of what decides the bytes; `code` is minsum's own, which two checkouts of one version may have different."""
    code = sha256()
    for package in ("minsum", "minsum_kernels"):
        folder = Path(str(getattr(find_spec(package), "origin", None))).parent
        for file in sorted(folder.rglob("*.py")):
            code.update(file.read_bytes())
    others = {name: version(name) for name in ("scipy", "distributed")}
    return versions() | others | {"code": code.hexdigest()[:12]}


def misfit(seal: Seal) -> ClusterError | None:
    """Why this process cannot work for a run, if it cannot."""
    ours = _versions()
    other = [
        f"{name} {ours.get(name)}, not {one}" for name, one in seal.versions.items() if ours.get(name) != one
    ]
    if other:
        return ClusterError(
            f"cluster: worker {_name()} has {', '.join(other)}",
            "give driver and workers one environment: other versions may write other bytes",
        )
    try:
        is_seen = seal.path.read_text(encoding="ascii") == seal.text
        (seal.path.parent / uuid.uuid4().hex).mkdir()
    except OSError as error:
        return ClusterError(
            f"cluster: worker {_name()} cannot work in {seal.root}: {error.strerror}",
            "every worker must see the workspace, and write to it, under the same path",
        )
    return (
        None
        if is_seen
        else ClusterError(f"cluster: worker {_name()} sees another {seal.root}", "mount the same")
    )


def _name() -> str:
    from distributed import get_worker

    try:
        return str(get_worker().address)
    except ValueError:
        return "here"


def unseen(files: list[Path]) -> list[Path]:
    """Those of the files that this process does not see."""
    return [path for path in files if not path.is_file()]


def do(run: Run[Task, Result], task: Task, seal: Seal) -> tuple[Result, Records]:
    """Do a task on a worker, which may have joined after the run began."""
    if (why := misfit(seal)) is not None:
        raise why
    layout = Layout(seal.root).for_worker(seal.path)
    try:
        with _captured() as records:
            return run(task, layout), records
    finally:
        shutil.rmtree(layout.scratch, ignore_errors=True)


@contextmanager
def _captured() -> Iterator[Records]:
    """What this thread logs, for the driver to say. Dask's own forwarding would say it to every driver."""
    records: Records = []
    thread = get_ident()

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == thread:
                message = {"msg": record.getMessage(), "args": None, "exc_info": None}
                records.append(record.__dict__ | message)

    handler = Keep()
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield records
    finally:
        log.removeHandler(handler)
