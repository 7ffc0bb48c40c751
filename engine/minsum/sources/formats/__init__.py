"""Input formats: how a file is recognised, and what its columns mean.

A format is one module here with a constant `FORMAT`; adding the module is enough. A format only recognises files and
maps columns. Row rules, checks and publishing are the same for all formats.
"""

from minsum.sources.formats.base import Claims, Column, Format, Header, folded_name
from minsum.sources.formats.header import MAX_LINE_BYTES, read_header, split
from minsum.sources.formats.registry import formats, nearest, recognise

__all__ = [
    "MAX_LINE_BYTES", "Claims", "Column", "Format", "Header", "folded_name", "formats", "nearest", "read_header", "recognise", "split",
]  # fmt: skip
