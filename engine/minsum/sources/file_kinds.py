"""Recognises files that hold no text, by their first bytes."""

from __future__ import annotations

import re
from typing import Final, NamedTuple


class Kind(NamedTuple):
    """Name of a kind of file, and how to get a table from it; the hint is empty if such a file never holds one."""

    name: str
    hint: str


_UNPACK: Final = "unpack it and put the files here"
_EXPORT: Final = "save the table as CSV (UTF-8)"
_KINDS: Final = (
    (rb"PAR1", Kind("a Parquet file", 'save the table as CSV: pl.read_parquet("...").write_csv("...")')),
    (rb"ARROW1|FEA1", Kind("an Arrow or Feather file", _EXPORT)),
    (rb"ORC", Kind("an ORC file", _EXPORT)),
    (rb"SQLite format 3\0", Kind("an SQLite database", _EXPORT)),
    (rb".{4}DUCK", Kind("a DuckDB database", _EXPORT)),
    (rb".{4}Standard (?:Jet|ACE) DB", Kind("an Access database", _EXPORT)),
    (rb"\x89HDF", Kind("an HDF5 file", _EXPORT)),
    (rb"<stata_dta>|[\x69-\x73][\x01\x02]\x01\x00", Kind("Stata data", "export delimited using ..., replace")),
    (rb"\$FL[23]@", Kind("SPSS data", _EXPORT)),
    (rb"\0{12}\xc2\xea\x81\x60|HEADER RECORD\*{7}", Kind("SAS data", _EXPORT)),
    (rb"(?:X|A|B)\n\0\0\0[\x02\x03]|RD[XAB][23]\n", Kind("R data", "write.csv(x, \"...\", row.names = FALSE) in R")),
    (rb"MATLAB 5", Kind("MATLAB data", _EXPORT)),
    (rb"\x80[\x02-\x05][\x95}\]c(]", Kind("a Python pickle", 'frame.to_csv("...", index=False) in Python')),
    (rb"7z\xbc\xaf\x27\x1c", Kind("a 7z archive", _UNPACK)),
    (rb"Rar!\x1a\x07", Kind("a RAR archive", _UNPACK)),
    (rb"\x28\xb5\x2f\xfd", Kind("a Zstandard archive", _UNPACK)),
    (rb"\x1f[\x9d\xa0]", Kind("a compress (.Z) archive", _UNPACK)),
    (rb"PK[\x05\x07][\x06\x08]", Kind("an empty or split zip", "download it again")),
    (rb"%PDF", Kind("a PDF", "")),
    (rb"\x89PNG", Kind("a PNG picture", "")),
    (rb"\xff\xd8\xff", Kind("a JPEG picture", "")),
    (rb"GIF8", Kind("a GIF picture", "")),
    (rb"RIFF....WEBP", Kind("a WebP picture", "")),
    (rb"\{\\rtf", Kind("an RTF document", "")),
    (rb"MZ|\x7fELF|\xca\xfe\xba\xbe|\xcf\xfa\xed\xfe", Kind("a program", "")),
    (rb"\0\0\0\x01Bud1", Kind("a folder's settings of macOS (.DS_Store)", "")),
    (rb"\0\x05\x16[\0\x07]", Kind("a companion that macOS adds (._...)", "")),
    (rb"bplist00", Kind("a property list of macOS", "")),
)  # fmt: skip
_KNOWN: Final = re.compile(b"|".join(b"(%s)" % pattern for pattern, _ in _KINDS), re.DOTALL)


def kind_of(start: bytes) -> Kind | None:
    """Kind of a file that begins with these bytes; None for text and for unknown kinds."""
    match = _KNOWN.match(start)
    return _KINDS[match.lastindex - 1][1] if match and match.lastindex else None
