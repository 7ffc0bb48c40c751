"""Sphinx settings of the site: make docs."""

from __future__ import annotations

import sys
from importlib.metadata import version as installed
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "_ext"))

project = "minsum"
author = "the minsum authors"
version = release = installed("minsum")
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "benchmark_results",
    "mathml",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_math_renderer = "mathml"
html_title = "minsum"
html_show_copyright = False

myst_heading_anchors = 3
myst_enable_extensions = ["dollarmath"]
nb_execution_mode = "off"  # the notebook holds its outputs: docs/write_notebook.py
highlight_language = "none"
default_role = "code"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
autodoc_class_signature = "separated"
napoleon_google_docstring = False
napoleon_use_rtype = False

nitpicky = True
# Inventories of other projects lie on the network; the site is built without it. Names of theirs, and type
# aliases, are shown and not linked.
nitpick_ignore_regex = [("py:.*", r"(?!minsum).*")]
nitpick_ignore = [
    ("py:class", "minsum.settings.load.Settings"),  # documented by the comments that minsum init writes
    ("py:class", "minsum.esi.sections.Segment"),
]
