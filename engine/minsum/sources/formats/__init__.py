"""Input formats: how a file is recognised and which of its columns mean what.

A format is one module here with a constant `FORMAT`; dropping the module in is all it takes.
A format only recognises and maps. Row rules, checks and publishing are the same for all.
"""

from minsum.sources.formats.base import Claims, Column, Format, Header, folded_name
from minsum.sources.formats.header import MAX_LINE_BYTES, read_header, split
from minsum.sources.formats.registry import formats, nearest, recognise

__all__ = [
    "MAX_LINE_BYTES", "Claims", "Column", "Format", "Header", "folded_name", "formats", "nearest", "read_header", "recognise", "split",
]  # fmt: skip
