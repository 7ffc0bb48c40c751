"""`minsum` in processes forked from a server that has imported everything and done nothing.

For tests that stop a run: they are about what a killed process leaves, not about how a process starts.
"""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from conftest import CODE

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(
    [
        "minsum.cli", "minsum.pipeline", "minsum.estimate.design", "minsum.export.stage", "minsum.fetch.stage",
        "minsum.flows.load", "minsum.inspect.nightly_checks", "minsum.panel.stage", "minsum.report.stage",
        "minsum.report.charts", "obstore",
    ]
)  # fmt: skip
_BEFORE = """import os, sys
os.environ.clear()
os.environ.update(environment)
os.chdir(folder)
os.fsync = lambda _descriptor: None
for descriptor in (1, 2):
    os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND), descriptor)
sys.argv = ["-c", *arguments]
import sketches
sketches.undrawn().__enter__()
"""


def forked(*arguments: object, said: Path, code: str = CODE, **environment: str) -> ForkServerProcess:
    """Start a command in a process of its own, here and with this environment, without pictures.

    Parameters
    ----------
    arguments
        Of the command.
    said
        File that gets what the command prints.
    code
        Python code instead of the command.
    environment
        Variables besides those of this process.
    """
    own = {
        "__name__": "__main__", "arguments": [str(one) for one in arguments], "environment": os.environ | environment,
        "folder": str(Path.cwd()), "said": str(said),
    }  # fmt: skip
    process = _SERVER.Process(target=exec, args=(_BEFORE + code, own))
    process.start()
    return process
