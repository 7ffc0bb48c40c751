"""`Workspace`, the public class: runs the stages, records each run, answers questions.

Read `public` first, then `nightly` (the order of a complete run) and `stages`. Knows nothing of the command line.
"""

from minsum.pipeline.public import Workspace

__all__ = ["Workspace"]
