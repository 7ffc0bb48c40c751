"""minsum: export similarity of every country, reference and year, and the regressions built on it.

Names are imported when they are first used, so that `import minsum` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minsum.errors import MinsumError
    from minsum.esi.matrix import esi_matrix
    from minsum.flows.scan import scan
    from minsum.pipeline import Workspace
    from minsum.workspace.runs import RunReport

_HOMES = {
    "MinsumError": "minsum.errors",
    "RunReport": "minsum.workspace.runs",
    "Workspace": "minsum.pipeline",
    "esi_matrix": "minsum.esi.matrix",
    "scan": "minsum.flows.scan",
}

__all__ = ["MinsumError", "RunReport", "Workspace", "esi_matrix", "scan"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'minsum' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
